"""The example file is what a merchant copies: it loads, and it tells every key and every default truthfully."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from p2pbot.config import Duration, Places, load_settings, parse_settings
from p2pbot.config.durations import parse_duration
from p2pbot.config.schema import AccountEntry, ConfigFile
from p2pbot.errors import ConfigError
from p2pbot.model import Mode

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
SWITCHED_OFF = re.compile(r"^( *)#(?=[a-z_]+:)", re.MULTILINE)
NO_DEFAULT = {"version", "accounts", "name"}
CHOSEN_ELSEWHERE = {"state_dir", "ca_file", "mode", "limits"}  # None stands for "as the directory, the file says"


def everything() -> dict[str, Any]:
    """Return the example with all that is switched off switched on, as YAML's own types."""
    data = yaml.safe_load(SWITCHED_OFF.sub(r"\1", EXAMPLE.read_text()))
    assert isinstance(data, dict)
    return data


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and default of each key; an account's limits are described once, at the top."""
    for key, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and (path, key) != (("accounts",), "limits"):
            yield from leaves(kind, (*path, key))
        elif AccountEntry in typing.get_args(kind):
            yield from leaves(AccountEntry, (*path, key))
        else:
            yield (*path, key), field.default


KEYS = dict(leaves(ConfigFile))


def at(data: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at ``path``, of the first account where it leads through the accounts."""
    for part in path:
        data = data[part][0] if part == "accounts" else data[part]
    return data


def test_the_example_loads_as_it_is() -> None:
    """A copy of the example is a working start, in shadow mode, without a warning."""
    settings = load_settings(EXAMPLE, {})
    assert (settings.mode, settings.warnings) == (Mode.SHADOW, ())
    assert settings.accounts[0].rules == EXAMPLE.parent / "rules"
    assert settings.state_dir == EXAMPLE.parent / "state"


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_the_example_names_every_key(path: tuple[str, ...]) -> None:
    """No key has to be guessed: each stands in the example, switched on or off."""
    assert at(everything(), path) is not None


@pytest.mark.parametrize(
    "path", [path for path, default in KEYS.items() if path[-1] not in NO_DEFAULT and default is not None], ids=".".join
)
def test_the_example_tells_the_default(path: tuple[str, ...]) -> None:
    """What the example shows is what happens without it."""
    shown, default = str(at(everything(), path)), KEYS[path]
    listed: object = [*map(str, default)] if isinstance(default, tuple) else default
    if path == ("accounts", "limits"):
        assert default.model_fields_set == set()
    else:
        assert (parse_duration(shown) if isinstance(default, Duration) else shown) == (
            default if isinstance(default, Duration) else str(listed)
        )


def test_the_example_says_nothing_twice() -> None:
    """Leaving everything out but the account gives the same settings."""
    places = Places(base=Path("/etc"), home=Path("/root"), state_dir=Path("/var"))
    short = (
        "version: 1\naccounts:\n  - {name: main, api_key_file: secrets/main.key, api_secret_file: secrets/main.secret}"
    )
    assert parse_settings(EXAMPLE.read_text(), Path("c"), places) == parse_settings(short, Path("c"), places)


def test_what_is_switched_off_can_be_switched_on() -> None:
    """Each switched-off line is valid where it stands; only the account's keys exclude one another."""
    text = SWITCHED_OFF.sub(r"\1", EXAMPLE.read_text())
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, Path("c"), Places(base=Path("/"), home=Path("/"), state_dir=Path("/")))
    assert [finding.split(": ", 1)[1].split("\n")[0] for finding in caught.value.findings] == [
        "api_key_file and api_key_env and api_key_credential: give one of them"
    ]
