"""docs/configuration.md describes every key, with the defaults and the bounds that hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from p2pbot.config import Duration, Places, parse_settings
from p2pbot.config.durations import parse_duration
from p2pbot.config.notifications import Service
from p2pbot.config.open_data import OpenData
from p2pbot.config.schema import AccountEntry, ConfigFile
from p2pbot.config.streams import Futures, Spot
from p2pbot.errors import ConfigError

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
START = "version: 1\naccounts:\n  - {name: main, api_key_file: k, api_secret_file: s"
PLACES = Places(base=Path("/"), home=Path("/"), state_dir=Path("/"))
ROW = re.compile(r"^\| (?P<keys>`.+?) \| (?P<default>.*?) ?\| (?P<bounds>.*?) ?\| .+ \|$")
BOUNDS = re.compile(r"`(?P<low>[0-9a-z]+)` – `(?P<high>[0-9a-z]+)`")
PARTS: dict[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in ConfigFile.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
MODELS: dict[str, type[BaseModel]] = {
    "Top level": ConfigFile,
    "accounts": AccountEntry,
    "notifications.services": Service,
    "futures": Futures,
    "spot": Spot,
    "open_data": OpenData,
    **PARTS,
}


@dataclass(frozen=True)
class Row:
    """One line of a table: the section, the keys, and the default and bounds as written."""

    section: str
    keys: tuple[str, ...]
    default: str
    bounds: str


def rows() -> list[Row]:
    """Return every line of every table of the document."""
    found, section = [], ""
    for line in DOCUMENT.read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif row := ROW.match(line):
            keys = tuple(re.findall(r"`(\w+)`", row["keys"]))
            found.append(Row(section, keys, row["default"].strip("`"), row["bounds"]))
    return found


def refusals(section: str, key: str, value: object) -> tuple[str, ...]:
    """Return the findings of a short configuration in which this key has this value."""
    inside = f", {key}: {value}}}\n" if section == "accounts" else "}\n"
    after = "" if section == "accounts" else f"{section}: {{{key}: {value}}}\n"
    try:
        parse_settings(START + inside + after, Path("c"), PLACES)
    except ConfigError as error:
        return error.findings
    return ()


def beyond(value: str, by: int) -> str:
    """Return the next value outside a bound."""
    return str(int(value) + by) if value.isdecimal() else str(Duration(max(parse_duration(value).ms + by, 0)))


ROWS = rows()
BOUNDED = [(row.section, row.keys[0], found) for row in ROWS if (found := BOUNDS.fullmatch(row.bounds))]


@pytest.mark.parametrize("section", MODELS)
def test_every_key_has_its_line(section: str) -> None:
    """No key is left out, and none is described that is not there."""
    told = {key for row in ROWS if row.section == section for key in row.keys}
    assert told == set(MODELS[section].model_fields) - (set(PARTS) if section == "Top level" else set())


def test_every_part_has_its_section() -> None:
    """A new part of the configuration is described."""
    assert {row.section for row in ROWS} == set(MODELS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}.{row.keys[0]}")
def test_the_default_is_told(row: Row) -> None:
    """What stands in the table is what happens without the key; a key without a default has none there."""
    field = MODELS[row.section].model_fields[row.keys[0]]
    if isinstance(field.default, Duration):
        assert parse_duration(row.default) == field.default
    elif field.is_required() or field.default is None or isinstance(field.default, BaseModel):
        assert row.default == ""
    elif isinstance(field.default, tuple):
        assert row.default == ", ".join(field.default)
    elif isinstance(field.default, bool):
        assert row.default == str(field.default).lower()
    else:
        assert row.default == str(field.default)


@pytest.mark.parametrize(("section", "key", "bounds"), BOUNDED, ids=str)
def test_the_bounds_are_those_that_hold(section: str, key: str, bounds: re.Match[str]) -> None:
    """The bounds themselves are accepted; the next value outside is refused with both of them."""
    for value, outside in ((bounds["low"], -1), (bounds["high"], 1)):
        assert not any("between" in finding for finding in refusals(section, key, value))
        if value != "0s":
            assert any("between" in finding for finding in refusals(section, key, beyond(value, outside)))


def test_every_bound_is_told() -> None:
    """The tables tell bounds for each duration and each count."""
    assert len(BOUNDED) >= 33
