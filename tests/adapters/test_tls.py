"""The TLS setting: always verified, never old."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from p2pbot.adapters.tls import client_context
from p2pbot.errors import ConfigError
from tests.fakes.certificates import Authority


def test_certificates_are_always_verified(tmp_path: Path) -> None:
    """With and without an authority of its own, certificate and name are verified and old TLS is refused."""
    for context in (client_context(), client_context(Authority.create(tmp_path).ca_file)):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_authority_of_ones_own_replaces_the_systems(tmp_path: Path) -> None:
    """A configured authority is the only one that is trusted."""
    assert len(client_context(Authority.create(tmp_path).ca_file).get_ca_certs()) == 1


def test_session_keys_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment cannot make the daemon write down its session keys."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert client_context().keylog_filename is None


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("no certificate", "holds no certificate")])
def test_a_bad_authority_file_is_explained(tmp_path: Path, content: str | None, words: str) -> None:
    """A file that is absent or holds no certificate is a configuration fault with the file's name."""
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(ConfigError, match=words) as caught:
        client_context(ca_file)
    assert "ca.pem" in caught.value.what
    assert "ca_file" in caught.value.remedy
