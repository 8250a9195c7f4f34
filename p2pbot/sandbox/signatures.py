"""Checks the signature of a REST query: HMAC-SHA256 in hex, RSA PKCS#1 v1.5 or Ed25519 in base64.

Promise: pure; a malformed signature or key is ``False``, never an exception.
Danger: the bytes checked are those on the wire, before any decoding: a client that signs one spelling and sends another
must fail.
Source: C2C chat notes section 1, the published vectors of Binance's signing documents.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from p2pbot.sandbox.options import SandboxAccount

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_MARK = "signature="


def split_signed(raw_query: str) -> tuple[str, str] | None:
    """Return (payload, signature) of a raw query string, or None unless the signature is its last parameter."""
    head, separator, last = raw_query.rpartition("&")
    if not last.startswith(_MARK) or _MARK in head.split("&"):
        return None
    signature = unquote(last.removeprefix(_MARK))
    return (head if separator else ""), signature


def verify(account: SandboxAccount, payload: str, signature: str) -> bool:
    """Whether ``signature`` is the account's for ``payload`` (as sent; bytes that are not UTF-8 come as surrogates)."""
    data = payload.encode("utf-8", "surrogateescape")
    if _HEX.fullmatch(signature):
        return bool(account.hmac_secret) and verify_hmac(account.hmac_secret, data, signature)
    return bool(account.public_key_pem) and verify_public(account.public_key_pem, data, signature)


def verify_hmac(secret: str, data: bytes, signature: str) -> bool:
    """Whether the hexadecimal ``signature`` is HMAC-SHA256 of ``data``."""
    wanted = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, signature.lower())


def verify_public(public_key_pem: str, data: bytes, signature: str) -> bool:
    """Whether the base64 ``signature`` of ``data`` belongs to the RSA or Ed25519 public key."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key = load_pem_public_key(public_key_pem.encode())
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, data)
            return True
        if isinstance(key, RSAPublicKey):
            key.verify(raw, data, PKCS1v15(), SHA256())
            return True
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return False


def is_ed25519(public_key_pem: str) -> bool:
    """Whether a public key is of the kind that may log on."""
    try:
        return isinstance(load_pem_public_key(public_key_pem.encode()), Ed25519PublicKey)
    except ValueError:
        return False
