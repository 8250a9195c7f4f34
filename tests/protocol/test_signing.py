"""Signing: the exchange's published vectors, round trips with keys made here, and clear words about bad keys."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, unquote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import ConfigError
from p2pbot.protocol.signing import (
    KeyKind,
    Signer,
    encode_query,
    hmac_signer,
    private_key_signer,
    signed_query,
    ws_payload,
)
from p2pbot.secret import Secret

# The example key and secret of Binance's own documents
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HMAC = hmac_signer(Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"))


WS_ORDER = (
    f"apiKey={API_KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT"
    "&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
)
WS_ORDER_NON_ASCII = (
    f"apiKey={API_KEY}&price=0.10000000&quantity=1.00000000&recvWindow=5000&side=BUY&symbol=１２３４５６"
    "&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
)
REST_ORDER = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)


def pem_of(pkcs8_base64: str) -> Secret:
    """Return a published example key as PEM."""
    return Secret(f"-----BEGIN PRIVATE KEY-----\n{pkcs8_base64}\n-----END PRIVATE KEY-----\n")


ED25519_ORDER = private_key_signer(pem_of("MC4CAQAwBQYDK2VwBCIEIPQmzwVKJETqVd7L9E/DFbkvrOigy1tLL+9QF0mSn6dV"))
ED25519_LOGON = private_key_signer(pem_of("MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"))


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    """Return one RSA key, made at run time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def written(
    key: PrivateKeyTypes,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> Secret:
    """Return a key as PEM."""
    return Secret(key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode())


@pytest.mark.parametrize(
    ("signer", "payload", "signature"),
    [
        (HMAC, WS_ORDER, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (HMAC, WS_ORDER_NON_ASCII, "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
        (HMAC, REST_ORDER, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            ED25519_ORDER,
            "price=50000&quantity=1&side=BUY&symbol=BTCUSDT&timestamp=1631234567890&type=LIMIT",
            "a4Pm3p02D2HXtNfo3DBaVCe9Ov7kledewgYtGjekotFmZ5wXa3mC5AtLB7CpAphyNjeyovIuDP+9fyjYmsojCw==",
        ),
        (
            ED25519_LOGON,
            f"apiKey={API_KEY}&timestamp=1649729878532",
            "PdyZthZkWH6iRM43rd8+UBP8CPxkW5TJq6Wxsjy8vl5St2O54RDvgGcqRWskW7xWLdftHLxCKA0PDzjLt26eDg==",
        ),
    ],
    ids=["ws hmac", "ws hmac non-ascii", "rest hmac", "ed25519", "ed25519 logon"],
)
def test_published_vector(signer: Signer, payload: str, signature: str) -> None:
    """A published payload gives the published signature."""
    assert signer.sign(payload) == signature


ORDER = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.1"}


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ("１２３４５６", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_rest_query_is_encoded_then_signed(symbol: str, signature: str) -> None:
    """A REST query is percent-encoded, then signed, and the signature comes last (published vectors)."""
    query = signed_query([("symbol", symbol), *ORDER.items()], 1499827319559, 5000, HMAC)
    assert query.endswith(f"&recvWindow=5000&timestamp=1499827319559&signature={signature}")


def test_base64_signature_is_encoded_in_a_query() -> None:
    """The + / = of a base64 signature are percent-encoded in a URL."""
    query = signed_query([], 1649729878532, None, ED25519_LOGON)
    signature = query.partition("&signature=")[2]
    assert set(signature).isdisjoint("+/=")
    assert unquote(signature) == ED25519_LOGON.sign("timestamp=1649729878532")


def test_ws_payload_of_the_published_order() -> None:
    """The WebSocket API signs all parameters but the signature, sorted by name and not encoded (published vector)."""
    params = {"symbol": "１２３４５６", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.00000000"}
    params |= {"price": "0.10000000", "recvWindow": "5000", "apiKey": API_KEY, "signature": "old"}
    signature = HMAC.sign(ws_payload({**params, "timestamp": 1645423376532}))
    assert signature == "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"


def test_ws_payload_writes_booleans_as_json_does() -> None:
    """A boolean is signed as the JSON that is sent."""
    assert ws_payload({"b": True, "a": False}) == "a=false&b=true"


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("passphrase", [None, Secret("correct horse")])
def test_rsa_round_trip(rsa_key: rsa.RSAPrivateKey, form: PrivateFormat, passphrase: Secret | None) -> None:
    """An RSA key in PKCS#8 or PKCS#1, encrypted or not, signs what its public half verifies."""
    encryption = BestAvailableEncryption(passphrase.reveal().encode()) if passphrase else None
    signer = private_key_signer(written(rsa_key, form, encryption), passphrase)
    signature = base64.b64decode(signer.sign("timestamp=1"), validate=True)
    rsa_key.public_key().verify(signature, b"timestamp=1", padding.PKCS1v15(), SHA256())
    assert signer.kind is KeyKind.RSA


@given(st.text(st.characters(codec="utf-8")))
def test_ed25519_round_trip(payload: str) -> None:
    """Any text signed by an Ed25519 key verifies under its public half."""
    key = ed25519.Ed25519PrivateKey.generate()
    signer = private_key_signer(written(key))
    key.public_key().verify(base64.b64decode(signer.sign(payload), validate=True), payload.encode())
    assert signer.kind is KeyKind.ED25519


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))))
def test_encoded_query_reads_back(pairs: list[tuple[str, str]]) -> None:
    """Whatever pairs go in, a server reads the same pairs in the same order."""
    assert parse_qsl(encode_query(pairs), keep_blank_values=True) == pairs


def test_a_space_is_not_a_plus() -> None:
    """A space is %20, as the exchange counts it when it checks the signature."""
    assert encode_query([("a b", "c+d~e")]) == "a%20b=c%2Bd~e"


def _bad_keys() -> list[tuple[str, Secret, Secret | None, str]]:
    key = ed25519.Ed25519PrivateKey.generate()
    locked = written(key, encryption=BestAvailableEncryption(b"right"))
    public = Secret(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused is what it is made for
    return [
        ("public", public, None, "public key"),
        ("no pem", Secret("hello"), None, "not a PEM private key"),
        ("empty", Secret(""), None, "not a PEM private key"),
        ("cut", pem_of("MC4CAQAwBQYDK2VwBCIEIPQmzwVKJETq"), None, "damaged"),
        ("locked", locked, None, "is encrypted"),
        ("wrong passphrase", locked, Secret("wrong"), "does not open"),
        ("needless passphrase", written(key), Secret("any"), "not encrypted"),
        ("curve", written(ec.generate_private_key(ec.SECP256R1())), None, "neither RSA nor Ed25519"),
        ("small", written(small), None, "1024 bits"),
    ]


@pytest.mark.parametrize(("name", "pem", "passphrase", "words"), _bad_keys(), ids=lambda value: str(value)[:20])
def test_bad_key_is_explained(name: str, pem: Secret, passphrase: Secret | None, words: str) -> None:
    """Each way in which a key file can be wrong has its own words, and none of the library's."""
    with pytest.raises(ConfigError, match=words) as caught:
        private_key_signer(pem, passphrase)
    assert name
    assert caught.value.remedy
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("secret", ["", "two words", "line\n"])
def test_bad_hmac_secret_is_explained(secret: str) -> None:
    """A secret that was not copied whole and alone is refused at once."""
    with pytest.raises(ConfigError, match="white space"):
        hmac_signer(Secret(secret))


def test_signer_cannot_be_read() -> None:
    """A signer shows its kind and nothing of its key."""
    assert repr(HMAC) == "Signer(kind=<KeyKind.HMAC: 'hmac'>)"
