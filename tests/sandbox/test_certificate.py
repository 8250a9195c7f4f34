"""The sandbox's own certificates."""

from __future__ import annotations

import ipaddress
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from p2pbot.sandbox.certificate import CertificateFiles, make_certificates, write_private


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """Make the certificates."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


def test_the_certificate_is_for_loopback_only(files: CertificateFiles) -> None:
    """Its names are localhost, 127.0.0.1 and ::1; its subject says SIMULATED."""
    certificate = x509.load_pem_x509_certificate(files.server_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(text) for text in ("127.0.0.1", "::1")]
    assert "SIMULATED" in certificate.subject.rfc4514_string()


def test_the_authority_signed_it(files: CertificateFiles) -> None:
    """The server's certificate is issued by the CA file's, and lives for days, not years."""
    ca = x509.load_pem_x509_certificate(files.ca_file.read_bytes())
    server = x509.load_pem_x509_certificate(files.server_file.read_bytes())
    server.verify_directly_issued_by(ca)
    assert (server.not_valid_after_utc - server.not_valid_before_utc).days <= 2
    assert isinstance(server.public_key(), EllipticCurvePublicKey)


def test_keys_are_private(files: CertificateFiles) -> None:
    """The server's key has mode 0600; the authority's key is nowhere."""
    assert stat.S_IMODE(files.key_file.stat().st_mode) == 0o600
    keys = [path for path in files.ca_file.parent.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert keys == [files.key_file]


def test_a_private_file_replaces_an_open_one(tmp_path: Path) -> None:
    """A file that others could read is not reused."""
    path = tmp_path / "key"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
