"""Real S3 servers on loopback that verify signatures, and presigned addresses as Amazon's library makes them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.config import Config  # type: ignore[import-untyped]

BUCKET = "chat-pictures"
# The example keys of Amazon's public documents
ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_START_S = 20.0  # a busy machine starts Python and a server within this


@dataclass
class S3:
    """A running server."""

    url: str
    client: Any

    def presigned(self, key: str, *, life_s: int = 300, operation: str = "put_object", content_type: str = "") -> str:
        """Return an address that allows one operation on a key; ``content_type`` is signed if it is given."""
        wanted = {"Bucket": BUCKET, "Key": key} | ({"ContentType": content_type} if content_type else {})
        made: str = self.client.generate_presigned_url(operation, Params=wanted, ExpiresIn=life_s)
        return made

    def holds(self, key: str) -> bytes | None:
        """Return what the server has under a key, or None."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=key)
        if not any(entry["Key"] == key for entry in found.get("Contents", ())):
            return None
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data


def program(name: str) -> str:
    """Return a server's program in this environment, or skip the test with a plain reason."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"{name} is not installed in this environment (make setup does that)")
    return str(path)


@contextmanager
def nanio(directory: Path) -> Iterator[S3]:
    """Run nanio on ``directory``."""
    port = free_port()
    command = [program("nanio"), "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(directory)]
    keys = {"NANIO_ACCESS_KEY": ACCESS, "NANIO_SECRET_KEY": SECRET}
    with _running([*command, "--no-access-log"], port, keys), _client(f"http://127.0.0.1:{port}") as client:
        yield S3(f"http://127.0.0.1:{port}", client)


@contextmanager
def rclone(directory: Path, certificate: tuple[Path, Path] | None = None, ca_file: Path | None = None) -> Iterator[S3]:
    """Run ``rclone serve s3`` on ``directory``, with TLS if it has a certificate and its key."""
    port, scheme = free_port(), "https" if certificate else "http"
    tls = ["--cert", str(certificate[0]), "--key", str(certificate[1])] if certificate else []
    command = [program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}"]
    settings = {"RCLONE_CONFIG": "", "HOME": str(directory.parent)}
    with (
        _running([*command, *tls, "--vfs-cache-mode", "off", str(directory)], port, settings),
        _client(f"{scheme}://127.0.0.1:{port}", ca_file) as client,
    ):
        yield S3(f"{scheme}://127.0.0.1:{port}", client)


@contextmanager
def _client(url: str, ca_file: Path | None = None) -> Iterator[Any]:
    """Open Amazon's client and make the bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        verify=str(ca_file) if ca_file else None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            proxies={},
        ),
    )
    try:
        client.create_bucket(Bucket=BUCKET)
        yield client
    finally:
        client.close()


@contextmanager
def _running(command: list[str], port: int, settings: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends; it answers when the block begins."""
    environ = {"PATH": os.environ.get("PATH", "")} | settings
    server = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command line
    try:
        deadline_s = time.monotonic() + _START_S
        while not _answers(port):
            assert server.poll() is None, f"{Path(command[0]).name} ended at once"
            assert time.monotonic() < deadline_s, f"{Path(command[0]).name} does not answer"
            server_wait(server)
        yield
    finally:
        server.terminate()
        server.wait(timeout=_START_S)


def server_wait(server: subprocess.Popen[bytes]) -> None:
    """Wait a moment for a server that may also end."""
    try:
        server.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        return


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
