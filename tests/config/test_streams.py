"""What may be read of an account beyond its P2P orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.config import AccountSettings, Exchange, Places, parse_settings
from p2pbot.errors import ConfigError

PLACES = Places(base=Path("/etc/p2pbot"), home=Path("/home/me"), state_dir=Path("/state"))


def account(more: str = "", exchange: str = "{}") -> tuple[AccountSettings, Exchange]:
    """Return the account, and the addresses, of a configuration with these keys more."""
    keys = f"name: main, api_key_file: k, api_secret_file: s{more}"
    settings = parse_settings(f"version: 1\naccounts:\n  - {{{keys}}}\nexchange: {exchange}\n", Path("c"), PLACES)
    return settings.accounts[0], settings.exchange


def test_nothing_is_read_unless_it_is_wanted() -> None:
    """Without a word about them futures and spot are off, and no key is closed."""
    found, _ = account()
    assert (found.futures.enabled, found.futures.close_listen_key, found.spot.user_data) == (False, False, "none")


def test_orders_are_watched_by_symbol_and_client_id() -> None:
    """A client id may hold a slash itself."""
    found, _ = account(", futures: {enabled: yes, watch_orders: [BTCUSDT/hedge-1, ETHUSDT_261225/a/b]}")
    assert found.futures.watched == (("BTCUSDT", "hedge-1"), ("ETHUSDT_261225", "a/b"))


@pytest.mark.parametrize(
    ("more", "exchange", "what"),
    [
        (", futures: {watch_orders: [hedge-1]}", "{}", "`hedge-1` is not an order to watch"),
        (", futures: {watch_orders: [btcusdt/hedge-1]}", "{}", "is not an order to watch"),
        (f", futures: {{watch_orders: [{', '.join(['A/b'] * 21)}]}}", "{}", "more than 20 orders"),
        (", spot: {user_data: listen_key}", "{}", "expected one of none, subscribe, legacy_listen_key"),
        ("", "{futures_stream_path: '/ws/KEY'}", "this is not a path with {listen_key} in it"),
        ("", "{spot_stream_path: 'ws/{listen_key}'}", "this is not a path with {listen_key} in it"),
        ("", "{spot_stream_path: '/{x}/{listen_key}'}", "this is not a path with {listen_key} in it"),
        ("", "{futures_events: ['A,B']}", "expected the names of events"),
        ("", "{spot_ws_api_url: 'ws://exchange.example/ws-api/v3'}", "the address must start with wss://"),
    ],
)
def test_what_cannot_be_meant_is_refused(more: str, exchange: str, what: str) -> None:
    """Said at the key that is to blame."""
    with pytest.raises(ConfigError) as caught:
        account(more, exchange)
    assert what in caught.value.findings[0]
