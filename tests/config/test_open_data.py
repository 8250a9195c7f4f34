"""An account's Mini Program in the configuration: its keys are named, never written, and each has one source."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.config import AccountSettings, Places, SecretSource, SourceKind, parse_settings
from p2pbot.errors import ConfigError

PLACES = Places(base=Path("/etc/p2pbot"), home=Path("/home/me"), state_dir=Path("/state"))
KEYS = "app_id: ozSQnakAm7apa6ew7crPYd, access_key_file: a, secret_key_env: MP_SECRET, private_key_credential: mp"


def account(open_data: str, more: str = "") -> AccountSettings:
    """Return the account of a configuration with this Mini Program."""
    keys = f"name: main, api_key_file: k, api_secret_file: s{more}"
    text = f"version: 1\naccounts:\n  - {{{keys}, open_data: {{{open_data}}}}}"
    return parse_settings(text, Path("c"), PLACES).accounts[0]


def finding(open_data: str) -> str:
    """Return what is said of a Mini Program that is refused."""
    with pytest.raises(ConfigError) as caught:
        account(open_data)
    (only,) = caught.value.findings
    return only.split("\n")[0].split(": ", 1)[1]


def test_the_keys_are_named_in_the_same_three_ways() -> None:
    """A file is found beside the configuration; a variable and a credential keep their names."""
    found = account(KEYS).open_data
    assert found is not None
    assert found.app_id == "ozSQnakAm7apa6ew7crPYd"
    assert found.access_key == SecretSource(SourceKind.FILE, "/etc/p2pbot/a", "access_key_file")
    assert found.secret_key == SecretSource(SourceKind.ENV, "MP_SECRET", "secret_key_env")
    assert found.private_key == SecretSource(SourceKind.CREDENTIAL, "mp", "private_key_credential")
    assert found.private_key_passphrase is None


def test_the_file_of_open_ids_lies_beside_the_configuration() -> None:
    """`open_ids` is a path, with or without a Mini Program."""
    assert account(KEYS, ", open_ids: customers.yaml").open_ids == Path("/etc/p2pbot/customers.yaml")
    assert account(KEYS).open_ids is None


@pytest.mark.parametrize("missing", ["access_key", "secret_key", "private_key"])
def test_each_key_is_needed(missing: str) -> None:
    """A Mini Program without one of its keys is refused, and the three ways are named."""
    left = ", ".join(part for part in KEYS.split(", ") if not part.startswith(missing))
    assert finding(left) == f"open_data needs {missing}_file, {missing}_env or {missing}_credential"


def test_a_key_with_two_sources_is_refused() -> None:
    """Nobody has to guess which of two files counts."""
    assert finding(f"{KEYS}, access_key_env: A") == "access_key_file and access_key_env: give one of them"


@pytest.mark.parametrize("key", ["access_key", "secret_key", "private_key", "private_key_passphrase"])
def test_a_secret_written_into_the_file_is_refused_and_not_repeated(key: str) -> None:
    """The value of a key that stands in the file shows in no finding."""
    with pytest.raises(ConfigError) as caught:
        account(f"{KEYS}, {key}: hunter2hunter2")
    said = "\n".join(caught.value.findings)
    assert f"`{key}_file: PATH`" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("app_id", ["a b", "a/b", "''", "x" * 65, "ключ"])
def test_an_app_id_is_a_word(app_id: str) -> None:
    """What cannot be an app id is refused before it stands in an address."""
    assert finding(KEYS.replace("ozSQnakAm7apa6ew7crPYd", app_id)).startswith("an app id has 1 to 64 letters")
