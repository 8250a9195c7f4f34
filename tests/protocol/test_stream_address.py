"""The address of a user-data stream."""

from __future__ import annotations

import pytest

from p2pbot.errors import ConfigError
from p2pbot.protocol.stream_address import FUTURES_PATH, SPOT_PATH, check_stream_address, stream_address
from p2pbot.secret import Secret

ROOT = "wss://fstream.binance.com"


@pytest.mark.parametrize(
    ("root", "path", "events", "expected"),
    [
        (ROOT, FUTURES_PATH, ("A", "B"), f"{ROOT}/private/ws?listenKey=k%2F1&events=A/B"),
        (f" {ROOT}/ ", "/private/stream?streams={listen_key}", (), f"{ROOT}/private/stream?streams=k%2F1"),
        ("wss://stream.binance.com:9443", SPOT_PATH, (), "wss://stream.binance.com:9443/ws/k%2F1"),
        ("ws://127.0.0.1:8765", SPOT_PATH, (), "ws://127.0.0.1:8765/ws/k%2F1"),
        ("ws://localhost:1", SPOT_PATH, (), "ws://localhost:1/ws/k%2F1"),
        (ROOT, FUTURES_PATH, ("A&x=1", "{listen_key}"), None),
    ],
)
def test_address(root: str, path: str, events: tuple[str, ...], expected: str | None) -> None:
    """Key and events stand in the path where the configuration says, encoded, behind the configured root."""
    found = stream_address(root, path, Secret("k/1"), events).reveal()
    assert found == (expected or f"{ROOT}/private/ws?listenKey=k%2F1&events=A%26x%3D1/%7Blisten_key%7D")


def test_every_documented_event_is_asked_for() -> None:
    """An event that is not in the list never comes, so the usual address names all of them."""
    assert (
        stream_address(ROOT, FUTURES_PATH, Secret("k"))
        .reveal()
        .endswith(
            "events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/MARGIN_CALL/ACCOUNT_CONFIG_UPDATE/TRADE_LITE/ALGO_UPDATE/"
            "CONDITIONAL_ORDER_TRIGGER_REJECT/STRATEGY_UPDATE/GRID_UPDATE/listenKeyExpired"
        )
    )


@pytest.mark.parametrize(
    ("root", "path"),
    [
        (ROOT, "/ws"),
        (ROOT, "/ws/{listen_key}/{key}"),
        (ROOT, "/ws/{listen_key}{"),
        (ROOT, "/ws/{}{listen_key}"),
        (ROOT, "ws/{listen_key}"),
        (ROOT, "/ws/ {listen_key}"),
        (ROOT, "/ws/{listen_key}\r\nHost: x"),
        ("ws://fstream.binance.com", SPOT_PATH),
        ("https://fstream.binance.com", SPOT_PATH),
        ("wss://user@fstream.binance.com", SPOT_PATH),
        ("wss://fstream.binance.com?x=1", SPOT_PATH),
        ("wss://fstream.binance.com#x", SPOT_PATH),
        ("wss://", SPOT_PATH),
        ("wss://[", SPOT_PATH),
        ("wss://a b", SPOT_PATH),
        ("wss://h:99999", SPOT_PATH),
        ("", SPOT_PATH),
    ],
)
def test_what_is_no_address(root: str, path: str) -> None:
    """A root or a path that would send the key elsewhere, or nowhere, is refused before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        check_stream_address(root, path)
    assert "fstream" not in caught.value.what
