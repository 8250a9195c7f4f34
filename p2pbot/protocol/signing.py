"""Sign what the exchange wants signed: HMAC-SHA256, RSA (PKCS#1 v1.5, SHA-256) or Ed25519.

Promise: the same parameters give the same bytes, proven by the exchange's published vectors.
Danger: REST signs percent-encoded pairs in the order sent; the WebSocket API signs sorted, unencoded pairs. A payload
of the one form under the other's rule is a bad signature (-1022) only where a value needs encoding: rarely, and late.
Source: Binance's own documents; vectors in tests/protocol/test_signing.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from p2pbot.errors import ConfigError
from p2pbot.secret import Secret

_SMALLEST_RSA_BITS = 2048  # the exchange registers nothing smaller
_MAKE_A_KEY = "make an Ed25519 key (openssl genpkey -algorithm ed25519) and register its public half with the exchange"


class KeyKind(StrEnum):
    """What kind of key signs. Only ED25519 may log on to the WebSocket API."""

    HMAC = "hmac"
    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs texts and cannot be read back."""

    kind: KeyKind
    _sign: Callable[[bytes], str] = field(repr=False, compare=False)

    def sign(self, payload: str) -> str:
        """Return the signature of ``payload`` (UTF-8): lower-case hex for HMAC, base64 for RSA and Ed25519."""
        return self._sign(payload.encode("utf-8"))


def hmac_signer(secret: Secret) -> Signer:
    """Return a signer for an API key with a secret text. Raises ConfigError when the secret is empty or has spaces."""
    value = secret.reveal()
    if not value or value != "".join(value.split()):
        raise ConfigError(
            "the API secret is empty or holds white space",
            remedy="copy it again, whole and alone on one line",
        )

    def sign(payload: bytes) -> str:
        return hmac.new(secret.reveal().encode("utf-8"), payload, hashlib.sha256).hexdigest()

    return Signer(KeyKind.HMAC, sign)


def private_key_signer(pem: Secret, passphrase: Secret | None = None) -> Signer:
    """Return a signer for a private key in PEM form (PKCS#8 or PKCS#1, encrypted or not): RSA or Ed25519.

    Raises ConfigError with what is wrong with the key; no text of the key or passphrase is in it.
    """
    key = load_private_key(pem, passphrase)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        ed25519_key = key  # narrowed for the closure
        return Signer(KeyKind.ED25519, lambda payload: _base64(ed25519_key.sign(payload)))
    if isinstance(key, rsa.RSAPrivateKey):
        return _rsa_signer(key)
    raise ConfigError("the private key is neither RSA nor Ed25519: the exchange takes only these", remedy=_MAKE_A_KEY)


def _rsa_signer(key: rsa.RSAPrivateKey) -> Signer:
    if key.key_size < _SMALLEST_RSA_BITS:
        raise ConfigError(
            f"the RSA key has {key.key_size} bits: the exchange wants at least {_SMALLEST_RSA_BITS}", remedy=_MAKE_A_KEY
        )
    return Signer(KeyKind.RSA, lambda payload: _base64(key.sign(payload, padding.PKCS1v15(), SHA256())))


def _base64(signature: bytes) -> str:
    return base64.b64encode(signature).decode("ascii")


def load_private_key(pem: Secret, passphrase: Secret | None) -> PrivateKeyTypes:
    """Return the key of a PEM text. Raises ConfigError; the library's own texts are dropped: they may quote the key."""
    written = pem.reveal().strip()
    if "PRIVATE KEY-----" not in written:
        raise _not_a_private_key(written)
    password = passphrase.reveal().encode("utf-8") if passphrase else None
    try:
        return load_pem_private_key(written.encode("utf-8"), password)
    except TypeError:
        raise _passphrase_mismatch(given=password is not None) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unreadable(with_passphrase=password is not None) from None


def _not_a_private_key(written: str) -> ConfigError:
    if "PUBLIC KEY-----" in written:
        return ConfigError(
            "the key file holds a public key",
            remedy="name the file with the PRIVATE key; the public one is for Binance",
        )
    return ConfigError(
        "the key file is not a PEM private key", remedy="it must begin with a line like -----BEGIN PRIVATE KEY-----"
    )


def _passphrase_mismatch(*, given: bool) -> ConfigError:
    if given:
        return ConfigError("a passphrase is configured, but the private key is not encrypted", remedy="remove it")
    return ConfigError("the private key is encrypted", remedy="configure its passphrase")


def _unreadable(*, with_passphrase: bool) -> ConfigError:
    if with_passphrase:
        return ConfigError("the private key does not open", remedy="check the passphrase and that the file is whole")
    return ConfigError("the private key is damaged", remedy="copy the file again, whole, with its BEGIN and END lines")


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return ``k=v&…`` percent-encoded as RFC 3986 (space is %20), in the order given."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def signed_query(
    pairs: Iterable[tuple[str, str]], timestamp_ms: int, recv_window_ms: int | None, signer: Signer
) -> str:
    """Return the whole query string of a signed REST call: encoded, then signed, the signature last."""
    window = [] if recv_window_ms is None else [("recvWindow", str(recv_window_ms))]
    payload = encode_query([*pairs, *window, ("timestamp", str(timestamp_ms))])
    return f"{payload}&signature={quote(signer.sign(payload), safe='')}"


def ws_payload(params: Mapping[str, str | int | bool]) -> str:
    """Return what a WebSocket API request signs: all but ``signature``, sorted by name, not encoded.

    Decimals must already be the strings that are sent; booleans are signed as JSON writes them.
    """
    return "&".join(f"{name}={_as_sent(params[name])}" for name in sorted(params) if name != "signature")


def _as_sent(value: str | int | bool) -> str:  # noqa: FBT001 - a JSON value, not an option
    return str(value).lower() if isinstance(value, bool) else str(value)
