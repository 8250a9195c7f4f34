"""Secrets come from where the configuration says, or a sentence says what to do; no value is ever in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import pytest

from p2pbot.adapters.secrets_source import AccountKeys, resolve_all, resolve_keys
from p2pbot.config import AccountSettings, Places, parse_settings
from p2pbot.errors import ConfigError
from p2pbot.secret import Secret


class MakeAccount(Protocol):
    """Makes one account from its keys in YAML."""

    def __call__(self, keys: str, name: str = "main") -> AccountSettings:
        """Return the account."""
        ...


ENV = {"K": "an-api-key", "S": "an-hmac-secret"}


@pytest.fixture
def account(tmp_path: Path) -> MakeAccount:
    """Return a maker of one account from its keys in YAML; paths are relative to the temporary directory."""

    def make(keys: str, name: str = "main") -> AccountSettings:
        text = f"version: 1\naccounts:\n  - {{name: {name}, {keys}}}\n"
        places = Places(base=tmp_path, home=tmp_path, state_dir=tmp_path)
        return parse_settings(text, tmp_path / "c.yaml", places).accounts[0]

    return make


def secret_file(path: Path, data: str | bytes, mode: int = 0o600) -> Path:
    """Write a secret file of this mode."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    path.chmod(mode)
    return path


def fault(account: AccountSettings, environ: dict[str, str]) -> str:
    """Return the one finding of an account whose keys cannot be had."""
    with pytest.raises(ConfigError) as caught:
        resolve_keys(account, environ)
    (only,) = caught.value.findings
    return only


def test_keys_from_the_environment(account: MakeAccount) -> None:
    """A variable's value is the secret, whole."""
    keys = resolve_keys(account("api_key_env: K, api_secret_env: S"), ENV)
    assert keys == AccountKeys(api_key=Secret("an-api-key"), hmac_secret=Secret("an-hmac-secret"))


def test_keys_from_files(account: MakeAccount, tmp_path: Path) -> None:
    """A file's text is the secret, without the line break that editors add and without a byte order mark."""
    secret_file(tmp_path / "k", "an-api-key\n")
    secret_file(tmp_path / "s", "\ufeffan-hmac-secret\r\n", 0o400)
    keys = resolve_keys(account("api_key_file: k, api_secret_file: s"), {})
    assert keys == AccountKeys(api_key=Secret("an-api-key"), hmac_secret=Secret("an-hmac-secret"))


def test_a_private_key_keeps_its_lines(account: MakeAccount, tmp_path: Path) -> None:
    """A PEM text has several; its passphrase may have blanks."""
    secret_file(tmp_path / "pem", "-----BEGIN X-----\nabc\n-----END X-----\n")
    environ = ENV | {"P": "correct horse"}
    keys = resolve_keys(account("api_key_env: K, private_key_file: pem, private_key_passphrase_env: P"), environ)
    assert keys.private_key == Secret("-----BEGIN X-----\nabc\n-----END X-----")
    assert (keys.passphrase, keys.hmac_secret) == (Secret("correct horse"), None)


def test_keys_from_systemd_credentials(account: MakeAccount, tmp_path: Path) -> None:
    """The directory of systemd is trusted as it is: its access list shows as a group's right."""
    secret_file(tmp_path / "api-key", "an-api-key", 0o440)
    keys = resolve_keys(
        account("api_key_credential: api-key, api_secret_env: S"), ENV | {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    )
    assert keys.api_key == Secret("an-api-key")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_can_use_is_refused(account: MakeAccount, tmp_path: Path, mode: int) -> None:
    """The remedy is the command to type."""
    path = secret_file(tmp_path / "k", "an-api-key", mode)
    found = fault(account("api_key_file: k, api_secret_env: S"), ENV)
    assert found == (
        f"account main, api_key_file: {path} can be used by other users (mode {mode:o}) – chmod 600 {path}"
    )


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"  \n", "it is empty"),
        (b"two words", "put the key alone there"),
        (b"two\nlines", "put the key alone there"),
        ("ключ-секрет".encode(), "put the key alone there"),
        (b"\xff\xfe\x00", "this is not text"),
        (b"x" * 16385, "more than 16 KiB"),
    ],
)
def test_a_file_that_holds_no_key_is_refused(account: MakeAccount, tmp_path: Path, data: bytes, wanted: str) -> None:
    """Each sentence says what the file holds instead, and never the value."""
    secret_file(tmp_path / "k", data)
    found = fault(account("api_key_file: k, api_secret_env: S"), ENV)
    assert wanted in found
    assert not data.strip() or data.decode("utf-8", "replace").strip() not in found


def test_the_largest_key_is_read(account: MakeAccount, tmp_path: Path) -> None:
    """The bound itself is allowed."""
    secret_file(tmp_path / "k", "x" * 16384)
    assert resolve_keys(account("api_key_file: k, api_secret_env: S"), ENV).api_key == Secret("x" * 16384)


def test_what_is_not_there_is_told(account: MakeAccount, tmp_path: Path) -> None:
    """A missing file, variable, credential and credentials directory each have their sentence."""
    assert f"there is no file {tmp_path}/k" in fault(account("api_key_file: k, api_secret_env: S"), ENV)
    assert "environment variable X is not set" in fault(account("api_key_env: X, api_secret_env: S"), ENV)
    credential = account("api_key_credential: api-key, api_secret_env: S")
    assert "LoadCredential=api-key:" in fault(credential, ENV)
    assert "there is no file" in fault(credential, ENV | {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_what_is_no_file_is_refused(account: MakeAccount, tmp_path: Path) -> None:
    """A directory is none, nor is a pipe, which would be waited for without end."""
    (tmp_path / "dir").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("dir", "pipe"):
        assert "is not a file" in fault(account(f"api_key_file: {name}, api_secret_env: S"), ENV)


def test_all_faults_come_at_once(account: MakeAccount) -> None:
    """A merchant mends the keys of all accounts in one go."""
    accounts = [account("api_key_env: A, api_secret_env: B"), account("api_key_env: C, api_secret_env: S", "shop")]
    with pytest.raises(ConfigError) as caught:
        resolve_all(accounts, ENV)
    assert [finding.split(":")[0] for finding in caught.value.findings] == [
        "account main, api_key_env",
        "account main, api_secret_env",
        "account shop, api_key_env",
    ]


def test_the_same_key_behind_two_names_is_refused(account: MakeAccount) -> None:
    """A copy of a key file is the same key."""
    accounts = [account("api_key_env: K, api_secret_env: S"), account("api_key_env: K2, api_secret_env: S", "shop")]
    with pytest.raises(ConfigError) as caught:
        resolve_all(accounts, ENV | {"K2": "an-api-key"})
    assert "account shop: the same API key as account main" in caught.value.findings[0]
    assert "an-api-key" not in caught.value.findings[0]


def test_keys_cannot_be_printed(account: MakeAccount) -> None:
    """The keys of an account in a log or a traceback show nothing."""
    assert "an-" not in repr(resolve_keys(account("api_key_env: K, api_secret_env: S"), ENV))
