"""Certificates made at run time: an authority, and servers that it vouches for, well or badly."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
    )


@dataclass(frozen=True)
class Authority:
    """Signs server certificates; ``ca_file`` is what a client trusts.

    ``named``: its certificates name its key, as Python 3.13's own contexts want; without that two authorities of one
    name are told apart by their signatures alone.
    """

    ca_file: Path
    key: ec.EllipticCurvePrivateKey
    named: bool = False

    @classmethod
    def create(cls, folder: Path, *, named: bool = False) -> Authority:
        """Make an authority whose certificate lies in ``folder``."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        built = _builder("test authority", "test authority", key.public_key(), 30)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        if named:
            built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        certificate = built.add_extension(usage, critical=True).sign(key, SHA256())
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        return cls(ca_file, key, named)

    def server(self, *, host: str = "127.0.0.1", days: int = 30) -> ssl.SSLContext:
        """Return a server's context for ``host``; negative ``days`` is a certificate that has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_general_name(host)])
        built = _builder("server", "test authority", key.public_key(), days).add_extension(names, critical=False)
        if self.named:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
            built = built.add_extension(issuer, critical=False)
        certificate = built.sign(self.key, SHA256())
        chain = self.ca_file.with_name(f"server-{host}-{days}.pem")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context
