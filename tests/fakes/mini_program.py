"""A Mini Program for tests: its example keys, and RSA keys made at run time (once, for they take a while)."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from p2pbot.protocol.open_data import MiniProgram
from p2pbot.sandbox import SandboxMiniProgram
from p2pbot.secret import Secret

APP_ID = "ozSQnakAm7apa6ew7crPYd"
ACCESS_KEY = "example-access-key-0123456789abcdef"
SECRET_KEY = "example-secret-key-0123456789abcdef"
OPEN_ID = "oXk29dQe7Rb1TzLw8Mn3Vc"
PROGRAM = MiniProgram(app_id=APP_ID, access_key=Secret(ACCESS_KEY), secret_key=Secret(SECRET_KEY))


def rsa_key(name: str = "merchant", bits: int = 2048) -> RSAPrivateKey:
    """Return the RSA key of this name; another name is another key."""
    return _made(name, bits)


@cache
def _made(_name: str, bits: int) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


def private_pem(name: str = "merchant", passphrase: str = "", bits: int = 2048) -> str:
    """Return a private key in PEM form."""
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return rsa_key(name, bits).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def public_pem(name: str = "merchant", bits: int = 2048) -> str:
    """Return the public half of a key in PEM form."""
    public = rsa_key(name, bits).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def program(
    key: str = "merchant", *, url_safe: bool = False, padded: bool = True, status: int = 200
) -> SandboxMiniProgram:
    """Return the Mini Program as the exchange knows it."""
    return SandboxMiniProgram(
        app_id=APP_ID,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        public_key_pem=public_pem(key),
        url_safe=url_safe,
        padded=padded,
        error_status=status,
    )
