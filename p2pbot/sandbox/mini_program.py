"""The files of a Mini Program on the simulated exchange: its two keys, and an RSA key whose public half is registered.

Promise: made where they are missing, of mode 0600, the same at the next start in the same directory.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from p2pbot.sandbox.certificate import write_private
from p2pbot.sandbox.kit import APP_ID, MINI_PROGRAM_FILES, kept
from p2pbot.sandbox.options import SandboxMiniProgram

_BITS = 2048  # as is usual


def mini_program_kit(directory: Path) -> SandboxMiniProgram:
    """Return the Mini Program of a directory that is there already. Raises OSError, ValueError."""
    access_key, secret_key, private_key = (directory / name for name in MINI_PROGRAM_FILES)
    if not private_key.exists():
        made = generate_private_key(65537, _BITS)
        write_private(private_key, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = load_pem_private_key(private_key.read_bytes(), None).public_key()
    return SandboxMiniProgram(
        app_id=APP_ID,
        access_key=kept(access_key),
        secret_key=kept(secret_key),
        public_key_pem=public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )
