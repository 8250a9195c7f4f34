"""What is sealed for the merchant opens with his key alone, and everything else is one and the same error."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pbot.errors import ConfigError
from p2pbot.protocol.sealed_data import OpenDataKey
from p2pbot.secret import Secret
from tests.fakes.mini_program import OPEN_ID, private_pem, rsa_key

ONE_ERROR = (
    "the exchange's answer does not open with the private key for open data – "
    "configure the key whose public half is registered with the Mini Program"
)


def sealed(text: str | bytes, key: str = "merchant", bits: int = 2048) -> str:
    """Return a text encrypted for a key, in base64."""
    data = text if isinstance(text, bytes) else text.encode()
    return base64.b64encode(rsa_key(key, bits).public_key().encrypt(data, PKCS1v15())).decode()


@pytest.fixture(scope="module")
def key() -> OpenDataKey:
    """The merchant's key."""
    return OpenDataKey(Secret(private_pem()))


def what_is_said(key: OpenDataKey, text: str) -> str:
    """Return the error's whole text."""
    with pytest.raises(ConfigError) as caught:
        key.open_id(text)
    return str(caught.value)


def test_the_merchants_key_opens_it(key: OpenDataKey) -> None:
    """What was encrypted with the public half comes out."""
    assert key.open_id(sealed(OPEN_ID)) == OPEN_ID


@pytest.mark.parametrize("bits", [1024, 3072])
def test_other_lengths_of_key_serve_too(bits: int) -> None:
    """2048 bits are usual, not required."""
    own = OpenDataKey(Secret(private_pem(bits=bits)))
    assert own.open_id(sealed(OPEN_ID, bits=bits)) == OPEN_ID


def test_both_alphabets_and_a_lost_padding_are_read(key: OpenDataKey) -> None:
    """Base64 comes in either alphabet, with or without its padding."""
    text = sealed(OPEN_ID)
    while not {"+", "/"} <= set(text):  # until both letters that differ are there
        text = sealed(OPEN_ID)
    url_safe = text.replace("+", "-").replace("/", "_")
    for variant in (text, url_safe, text.rstrip("="), url_safe.rstrip("=")):
        assert key.open_id(variant) == OPEN_ID


def test_an_encrypted_key_opens_with_its_passphrase() -> None:
    """The private key may be an encrypted PEM."""
    own = OpenDataKey(Secret(private_pem(passphrase="a passphrase")), Secret("a passphrase"))
    assert own.open_id(sealed(OPEN_ID)) == OPEN_ID


def test_a_wrong_key_is_the_one_error(key: OpenDataKey) -> None:
    """OpenSSL gives random bytes for a wrong key; not one of two hundred answers passes for an id."""
    assert {what_is_said(key, sealed(OPEN_ID, "stranger")) for _ in range(200)} == {ONE_ERROR}


@pytest.mark.parametrize(
    "text",
    ["", "=", "a", "a===", "not base64!", "c2VhbGVk", "c2Vh\nbGVk", "é", "A" * 342, "A" * 344, "A" * 10_000],
    ids=lambda text: ascii(text[:12]),
)
def test_what_is_no_ciphertext_is_the_same_error(key: OpenDataKey, text: str) -> None:
    """Broken base64, a wrong length and noise of the right length tell nobody apart."""
    assert what_is_said(key, text) == ONE_ERROR


@pytest.mark.parametrize(
    "inside",
    [b"", b"eleven-char", b"with a space", b"\xff" * 20, "schlüssel".encode(), b"line\nbreak", b"x" * 129],
    ids=ascii,
)
def test_what_opens_to_no_id_is_the_same_error(key: OpenDataKey, inside: bytes) -> None:
    """An id is 12 to 128 printable ASCII characters without a space."""
    assert what_is_said(key, sealed(inside)) == ONE_ERROR


@settings(max_examples=50)
@given(st.text(max_size=400))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever the exchange sends, it is an id or the one error."""
    assert what_is_said(OpenDataKey(Secret(private_pem())), text) == ONE_ERROR


def test_a_key_of_another_kind_is_refused_when_it_is_read() -> None:
    """An Ed25519 key opens nothing, which is said before anything is asked."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ConfigError, match="not an RSA key"):
        OpenDataKey(Secret(pem))


def test_the_key_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are opened with a key that was read when it was given, not at each of them."""
    parsed: list[bytes] = []

    def counting(pem: bytes, password: bytes | None) -> PrivateKeyTypes:
        parsed.append(pem)
        return load_pem_private_key(pem, password)

    monkeypatch.setattr("p2pbot.protocol.signing.load_pem_private_key", counting)
    key = OpenDataKey(Secret(private_pem()))
    assert [key.open_id(sealed(OPEN_ID)) for _ in range(3)] == [OPEN_ID] * 3
    assert len(parsed) == 1


def test_no_letter_of_the_key_shows() -> None:
    """A key that cannot be read is not quoted, and one that can has no repr."""
    pem = private_pem()
    with pytest.raises(ConfigError) as caught:
        OpenDataKey(Secret(pem.replace("A", "?")))
    lines = pem.splitlines()
    assert not any(line in f"{caught.value!r} {OpenDataKey(Secret(pem))!r}" for line in lines)
