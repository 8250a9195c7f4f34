"""Which account an order belongs to: asked of the person, else of the store, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.cli.exchange_line import Remembered, account_of, places_of
from p2pbot.config import Places, Settings, parse_settings
from p2pbot.errors import UsageError
from p2pbot.protocol.picture_places import Place
from tests.fakes.records import entry, reply

PLACES = Places(base=Path("/"), home=Path("/"), state_dir=Path("/"))
ONE = "  - {name: one, api_key_file: a, api_secret_file: b}\n"
TWO = ONE + "  - {name: two, api_key_file: c, api_secret_file: d}\n"


def settings(accounts: str) -> Settings:
    """Return a configuration with these accounts."""
    return parse_settings(f"version: 1\naccounts:\n{accounts}", Path("c.yaml"), PLACES)


@pytest.mark.parametrize(
    ("accounts", "wanted", "known", "name"),
    [
        (ONE, None, Remembered(), "one"),
        (TWO, "two", Remembered(), "two"),
        (TWO, None, Remembered(entries=(entry("1", account="two"),)), "two"),
        (TWO, None, Remembered(replies=(reply("u", account="one"),)), "one"),
        (TWO, "one", Remembered(entries=(entry("1", account="two"),)), "one"),
    ],
)
def test_the_account_is_told_by_the_person_or_the_store(
    accounts: str, wanted: str | None, known: Remembered, name: str
) -> None:
    """The only account needs no telling; a person's word goes before the store's."""
    assert account_of(settings(accounts), "1", wanted, known).name == name


@pytest.mark.parametrize(
    "known",
    [Remembered(), Remembered(known=False), Remembered(entries=(entry("1", account="one"), entry("1", account="two")))],
)
def test_it_is_not_guessed(known: Remembered) -> None:
    """Neither for an order that nobody has heard of nor for one that both have."""
    with pytest.raises(UsageError, match="--account: one, two"):
        account_of(settings(TWO), "1", None, known)


def test_an_account_that_is_not_there_is_told() -> None:
    """With those that are."""
    with pytest.raises(UsageError, match="one, two"):
        account_of(settings(TWO), "1", "three", Remembered())


def test_pictures_come_from_the_hosts_of_the_configuration() -> None:
    """And from the exchange's own interface."""
    places = places_of(settings(ONE))
    assert places.refusal(Place("https", "bin.bnbstatic.com", 443)) == ""
    assert places.refusal(Place("https", "api.binance.com", 443)) == ""
    assert places.refusal(Place("https", "elsewhere.example", 443)) != ""
