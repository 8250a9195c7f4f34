"""The verifier against the published vectors, RSA against a key made here, and garbage."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox import SandboxAccount
from p2pbot.sandbox.signatures import split_signed, verify
from tests.sandbox.peer import KEY, MAIN

# Binance's published examples; K stands for their API key.
HMAC_VECTORS = [
    (
        (
            "apiKey=K&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC"
            "&timestamp=1645423376532&type=LIMIT"
        ),
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    (
        (
            "apiKey=K&price=0.10000000&quantity=1.00000000&recvWindow=5000&side=BUY&symbol=１２３４５６&timeInForce=GTC"
            "&timestamp=1645423376532&type=LIMIT"
        ),
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    ),
    (
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
            "&timestamp=1499827319559"
        ),
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    (
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1"
            "&price=0.1&recvWindow=5000&timestamp=1499827319559"
        ),
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
]
ED25519_VECTORS = [
    (
        "MC4CAQAwBQYDK2VwBCIEIPQmzwVKJETqVd7L9E/DFbkvrOigy1tLL+9QF0mSn6dV",
        "price=50000&quantity=1&side=BUY&symbol=BTCUSDT&timestamp=1631234567890&type=LIMIT",
        "a4Pm3p02D2HXtNfo3DBaVCe9Ov7kledewgYtGjekotFmZ5wXa3mC5AtLB7CpAphyNjeyovIuDP+9fyjYmsojCw==",
    ),
    (
        "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u",
        "apiKey=K&timestamp=1649729878532",
        "PdyZthZkWH6iRM43rd8+UBP8CPxkW5TJq6Wxsjy8vl5St2O54RDvgGcqRWskW7xWLdftHLxCKA0PDzjLt26eDg==",
    ),
]


def account_of(private: Ed25519PrivateKey | rsa.RSAPrivateKey) -> SandboxAccount:
    """Return an account with this key's public half."""
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SandboxAccount(name="keyed", api_key="keyed", public_key_pem=pem.decode())


@pytest.mark.parametrize(("payload", "signature"), HMAC_VECTORS)
def test_published_hmac_vectors_pass(payload: str, signature: str) -> None:
    """Each published HMAC example is accepted as it is printed."""
    assert verify(MAIN, payload.replace("K&", f"{KEY}&", 1) if "apiKey" in payload else payload, signature)


@pytest.mark.parametrize(("payload", "signature"), HMAC_VECTORS)
def test_an_hmac_signature_holds_for_its_payload_only(payload: str, signature: str) -> None:
    """One character more, and the published signature is refused."""
    assert not verify(MAIN, f"{payload}0", signature)


@pytest.mark.parametrize(("pkcs8", "payload", "signature"), ED25519_VECTORS)
def test_published_ed25519_vectors_pass(pkcs8: str, payload: str, signature: str) -> None:
    """Each published Ed25519 example is accepted with the public half of its key."""
    private = load_der_private_key(base64.b64decode(pkcs8), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    assert verify(account_of(private), payload.replace("=K&", f"={KEY}&"), signature)
    assert not verify(account_of(private), f"{payload}0", signature)


def test_an_rsa_signature_passes() -> None:
    """PKCS#1 v1.5 over SHA-256 in base64 is accepted for its payload only."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = base64.b64encode(private.sign(b"timestamp=1", PKCS1v15(), SHA256())).decode()
    assert verify(account_of(private), "timestamp=1", signature)
    assert not verify(account_of(private), "timestamp=2", signature)


@given(st.text(max_size=200), st.text(max_size=200))
def test_garbage_is_refused_and_never_raises(payload: str, signature: str) -> None:
    """A random signature is False for every kind of key."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    assert not verify(MAIN, payload, signature)
    assert not verify(account_of(private), payload, signature)


def test_bytes_that_are_no_text_are_refused() -> None:
    """Raw bytes in a URL come as lone surrogates; they are a wrong payload, not an exception."""
    assert not verify(MAIN, "timestamp=1&x=\udcff", "0" * 64)
    assert not verify(MAIN, "timestamp=1", "\udcff")


def test_a_broken_public_key_is_refused() -> None:
    """A PEM text that is none refuses, it does not raise."""
    broken = SandboxAccount(name="broken", api_key="broken", public_key_pem="no key")
    assert not verify(broken, "timestamp=1", "AAAA")


@pytest.mark.parametrize(
    ("raw_query", "wanted"),
    [
        ("timestamp=1&signature=ab", ("timestamp=1", "ab")),
        ("signature=ab", ("", "ab")),
        ("timestamp=1&signature=a%2Bb%2F%3D%3D", ("timestamp=1", "a+b/==")),
        ("signature=ab&timestamp=1", None),
        ("timestamp=1", None),
        ("", None),
    ],
)
def test_the_signature_is_the_last_parameter(raw_query: str, wanted: tuple[str, str] | None) -> None:
    """The payload is all that stands before a last ``signature``, undecoded."""
    assert split_signed(raw_query) == wanted
