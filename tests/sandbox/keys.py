"""Keys of all three kinds for tests: HMAC from the published documents, RSA and Ed25519 made at run time.

Written from the protocol notes and from nothing of p2pbot's.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from p2pbot.sandbox import SandboxAccount
from tests.sandbox.peer import SECRET

ED_NAME, RSA_NAME = "ed", "rsa"


@functools.cache
def ed25519_key() -> Ed25519PrivateKey:
    """Make the one Ed25519 key of this run."""
    return Ed25519PrivateKey.generate()


@functools.cache
def rsa_key() -> RSAPrivateKey:
    """Make the one RSA key of this run."""
    return generate_private_key(65537, 2048)


def private_pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    """Return a private key as clients read it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ed25519_account() -> SandboxAccount:
    """Return an account whose key may log on."""
    return SandboxAccount(name=ED_NAME, api_key="ed-key", public_key_pem=_public_pem(ed25519_key()))


def rsa_account() -> SandboxAccount:
    """Return an account with an RSA key."""
    return SandboxAccount(name=RSA_NAME, api_key="rsa-key", public_key_pem=_public_pem(rsa_key()))


def ws_payload(params: Mapping[str, Any]) -> str:
    """Return what a WebSocket request signs."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


def ws_signature(kind: str, params: Mapping[str, Any]) -> str:
    """Sign the parameters of a WebSocket request as ``hmac``, ``rsa`` or ``ed``."""
    payload = ws_payload(params).encode()
    if kind == ED_NAME:
        return base64.b64encode(ed25519_key().sign(payload)).decode()
    if kind == RSA_NAME:
        return base64.b64encode(rsa_key().sign(payload, PKCS1v15(), SHA256())).decode()
    return hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
