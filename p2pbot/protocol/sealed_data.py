"""Open what the exchange encrypted for the merchant: RSA, PKCS#1 v1.5, to the public key of the Mini Program.

Promise: the key is parsed once. A wrong key, a damaged answer and a text of no id's shape are one and the same error,
which says nothing of what came out.
Danger: decrypting with a wrong key does not fail (OpenSSL's implicit rejection): random bytes come back, and one time
in two hundred they are even UTF-8. So the shape decides, and an id of fewer than twelve characters is no id: chance
makes a short one too easily.
Source: the open-data notes.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from p2pbot.errors import ConfigError
from p2pbot.protocol.signing import load_private_key
from p2pbot.secret import Secret

_URL_SAFE = str.maketrans("-_", "+/")
_OPEN_ID = re.compile(r"[!-~]{12,128}")  # printable ASCII without spaces; chance makes one in 25 million


class OpenDataKey:
    """The merchant's private key for open data."""

    __slots__ = ("_key",)

    def __init__(self, pem: Secret, passphrase: Secret | None = None) -> None:
        """Parse a PEM text, encrypted or not. Raises ConfigError when it is no RSA key; no text of it is shown."""
        key = load_private_key(pem, passphrase)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigError(
                "the private key for open data is not an RSA key",
                remedy="configure the key whose public half is registered with the Mini Program",
            )
        self._key = key

    def open_id(self, sealed: str) -> str:
        """Return the open id in the base64 text ``sealed``. Raises ConfigError, the same whatever is wrong."""
        found = self._opened(_decoded(sealed))
        if not _OPEN_ID.fullmatch(found):
            raise ConfigError(
                "the exchange's answer does not open with the private key for open data",
                remedy="configure the key whose public half is registered with the Mini Program",
            )
        return found

    def _opened(self, sealed: bytes) -> str:
        """Return the text, '' when there is none."""
        if len(sealed) != (self._key.key_size + 7) // 8:
            return ""
        try:
            return self._key.decrypt(sealed, padding.PKCS1v15()).decode("utf-8")
        except ValueError:  # of an older OpenSSL, or no UTF-8
            return ""


def _decoded(sealed: str) -> bytes:
    """Return the bytes of a base64 text of either alphabet, with or without its padding; none if it is not base64."""
    letters = sealed.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
