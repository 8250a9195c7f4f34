"""The files for a daemon that meets the sandbox."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from p2pbot.sandbox.kit import account_kits, write_configuration

URL = "https://127.0.0.1:4443"


def test_keys_are_private_and_stay(tmp_path: Path) -> None:
    """Each account has its own key and secret, of mode 0600, the same at the next start."""
    first, second = account_kits(tmp_path, ["main", "two"]), account_kits(tmp_path, ["main", "two"])
    assert first == second
    values = {kit.account.api_key for kit in first} | {kit.account.hmac_secret for kit in first}
    assert len(values) == 4
    assert [kit.key_file.name for kit in first] == ["api_key", "two.api_key"]
    assert all(stat.S_IMODE(kit.secret_file.stat().st_mode) == 0o600 for kit in first)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "x" * 41])
def test_a_name_that_is_no_file_name_makes_no_file(tmp_path: Path, name: str) -> None:
    """An account's name becomes a file's; a wrong one is refused before anything is written."""
    with pytest.raises(ValueError, match="an account's name"):
        account_kits(tmp_path / "play", ["main", name])
    assert not (tmp_path / "play").exists()


def test_a_configuration_is_written_anew(tmp_path: Path) -> None:
    """The sandbox's own file follows the port; it holds no key."""
    kits = account_kits(tmp_path, ["main"])
    assert write_configuration(tmp_path, kits, "https://127.0.0.1:1", tmp_path / "ca.pem")
    assert write_configuration(tmp_path, kits, URL, tmp_path / "ca.pem")
    text = (tmp_path / "config.yaml").read_text()
    assert f'rest_url: "{URL}"' in text
    assert 'ws_api_url: "wss://127.0.0.1:4443/ws-fapi/v1"' in text
    assert 'ca_file: "ca.pem"' in text
    assert kits[0].account.api_key not in text
    assert kits[0].account.hmac_secret not in text


@pytest.mark.parametrize("facts", [False, True])
def test_facts_are_asked_for_where_wanted(tmp_path: Path, facts: bool) -> None:  # noqa: FBT001 - a table's column
    """The addresses are there in any case; the accounts' futures and spot are switched on by ``facts``."""
    write_configuration(tmp_path, account_kits(tmp_path, ["main"]), URL, None, facts=facts)
    text = (tmp_path / "config.yaml").read_text()
    assert ("futures: {enabled: true}" in text, "user_data: subscribe" in text) == (facts, facts)


def test_a_persons_files_are_left_alone(tmp_path: Path) -> None:
    """A configuration and rules that somebody changed are never overwritten."""
    (tmp_path / "config.yaml").write_text("version: 1\n")
    (tmp_path / "rules").mkdir()
    assert not write_configuration(tmp_path, account_kits(tmp_path, ["main"]), URL, None)
    assert (tmp_path / "config.yaml").read_text() == "version: 1\n"
    assert list((tmp_path / "rules").iterdir()) == []
