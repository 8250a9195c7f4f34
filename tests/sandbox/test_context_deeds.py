"""What happens to an account's holdings, and what its streams say of it; the table of actions over the same deeds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox.books import MOST_ENTRIES, PositionSide, plain
from p2pbot.sandbox.gateway import Request
from p2pbot.sandbox.links import Link
from tests.sandbox.context_stage import PRIVATE, ContextStage, context_stage
from tests.sandbox.keys import ED_NAME
from tests.sandbox.peer import KEY, SECRET, hmac_signature


@pytest.fixture
def scene() -> ContextStage:
    """Set a stage."""
    return context_stage()


@pytest.fixture
def stream(scene: ContextStage) -> Link:
    """Open the main account's futures stream."""
    return scene.open(PRIVATE, listenKey=scene.listen_key())


def rest(scene: ContextStage, path: str, **query: Any) -> Any:
    """Make a signed GET and return its JSON."""
    payload = urlencode(query | {"timestamp": scene.now_ms})
    signed = f"{payload}&signature={hmac_signature(SECRET, payload)}"
    answer = scene.scene.world.answer(Request("GET", path, signed, {"x-mbx-apikey": KEY}, b""), scene.now_ms)
    return json.loads(answer.body)


def test_a_balance_tells_its_change(scene: ContextStage, stream: Link) -> None:
    """ACCOUNT_UPDATE has the new balance, the difference and the reason, and nothing that did not change."""
    scene.act("set_balance", account="main", asset="USDT", amount="1000.5")
    scene.act("set_balance", account="main", asset="USDT", amount="1")
    first, second = [event["a"] for event in scene.read(stream)]
    assert first == {
        "m": "DEPOSIT",
        "B": [{"a": "USDT", "wb": "1000.50000000", "cw": "1000.50000000", "bc": "0.50000000"}],
        "P": [],
    }
    assert (second["m"], second["B"][0]["bc"]) == ("WITHDRAW", "-999.50000000")


def test_a_fill_is_told_three_times(scene: ContextStage, stream: Link) -> None:
    """TRADE_LITE, the order, the account; in parts, then whole; the position follows."""
    scene.act("place_futures_order", account="main", symbol="BTCUSDT", client_order_id="a", side="SELL", quantity="2")
    scene.act("fill_futures_order", account="main", client_order_id="a", quantity="0.5")
    scene.act("fill_futures_order", account="main", client_order_id="a")
    events = scene.read(stream)
    orders = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
    assert [(order["x"], order["X"], order["l"], order["z"]) for order in orders] == [
        ("NEW", "NEW", "0.00000000", "0.00000000"),
        ("TRADE", "PARTIALLY_FILLED", "0.50000000", "0.50000000"),
        ("TRADE", "FILLED", "1.50000000", "2.00000000"),
    ]
    assert [event["e"] for event in events[1:4]] == ["TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]
    assert events[1]["t"] == events[2]["o"]["t"]
    assert events[-1]["a"]["P"][0]["pa"] == "-2.00000000"


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"])
def test_an_order_may_end_unfilled(scene: ContextStage, stream: Link, status: str) -> None:
    """The event says how; then it is neither filled nor ended again."""
    scene.act("place_futures_order", account="main", symbol="BTCUSDT", client_order_id="a")
    scene.act("end_futures_order", account="main", client_order_id="a", status=status)
    assert [event["o"]["X"] for event in scene.read(stream)] == ["NEW", status]
    for name in ("fill_futures_order", "end_futures_order"):
        with pytest.raises(ValueError, match="no open futures order 'a'"):
            scene.act(name, account="main", client_order_id="a")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("set_balance", {"asset": "USDT", "amount": "much"}, "decimal"),
        ("set_balance", {"asset": "USDT", "amount": 1.5}, "decimal"),
        ("set_balance", {"asset": "USDT", "amount": "NaN"}, "below"),
        ("set_balance", {"asset": "USDT", "amount": "1e30"}, "below"),
        ("set_balance", {"asset": "USDT"}, "decimal"),
        ("set_position", {"symbol": "BTCUSDT", "amount": "1", "side": "UP"}, "PositionSide"),
        ("place_futures_order", {"symbol": "BTCUSDT", "side": "HOLD"}, "BUY or SELL"),
        ("place_futures_order", {"symbol": "BTCUSDT", "quantity": "0"}, "quantity"),
        ("end_futures_order", {"client_order_id": "a", "status": "GONE"}, "ends as"),
        ("set_leverage", {"symbol": "BTCUSDT", "leverage": 126}, "1 to 125"),
        ("user_event", {"source": "futures", "event": "x"}, "object"),
        ("user_event", {"source": "futures", "event": {}}, "'e'"),
        ("user_event", {"source": "margin", "event": {"e": "x"}}, "Source"),
        ("cut_links", {"link": "chat"}, "link is one of"),
        ("set_balance", {"assets": "USDT"}, "unknown argument"),
    ],
)
def test_what_cannot_be_is_refused(scene: ContextStage, name: str, arguments: dict[str, Any], words: str) -> None:
    """A sentence says why, and nothing was done."""
    before = repr(scene.context.book("main"))
    with pytest.raises(ValueError, match=words):
        scene.act(name, account="main", **arguments)
    assert repr(scene.context.book("main")) == before


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5"])
def test_no_more_is_filled_than_is_left(scene: ContextStage, quantity: str) -> None:
    """Nor nothing, nor less."""
    scene.act("place_futures_order", account="main", symbol="BTCUSDT", client_order_id="a", quantity="1")
    with pytest.raises(ValueError, match="can be filled"):
        scene.act("fill_futures_order", account="main", client_order_id="a", quantity=quantity)
    assert scene.context.book("main").orders["a"].status == "NEW"


def test_an_account_holds_only_so_much(scene: ContextStage) -> None:
    """A control client in a loop meets a bound, and what is there stays."""
    for number in range(MOST_ENTRIES):
        scene.act("set_leverage", account="main", symbol=f"X{number}", leverage=1)
    with pytest.raises(ValueError, match="at most 5000"):
        scene.act("set_balance", account="main", asset="BTC", amount="1")
    assert len(scene.context.book("main").leverage) == MOST_ENTRIES


def test_an_unknown_account_is_refused(scene: ContextStage) -> None:
    """By its name."""
    with pytest.raises(KeyError, match="no account 'nobody'"):
        scene.act("set_balance", account="nobody", asset="USDT", amount="1")


def test_an_order_has_one_name(scene: ContextStage) -> None:
    """A clientOrderId is used once; without one it is made up."""
    made = scene.act("place_futures_order", account="main", symbol="BTCUSDT")["client_order_id"]
    with pytest.raises(ValueError, match="new client_order_id"):
        scene.act("place_futures_order", account="main", symbol="BTCUSDT", client_order_id=made)


def test_a_position_has_a_side(scene: ContextStage, stream: Link) -> None:
    """In hedge mode a symbol has two."""
    scene.act("set_position", account="main", symbol="BTCUSDT", amount="1", side="LONG", entry_price="60000")
    scene.act("set_position", account="main", symbol="BTCUSDT", amount="-1", side="SHORT")
    assert [event["a"]["P"][0]["ps"] for event in scene.read(stream)] == ["LONG", "SHORT"]
    assert {side for _, side in scene.context.book("main").positions} == {PositionSide.LONG, PositionSide.SHORT}


def test_any_event_may_be_said(scene: ContextStage, stream: Link) -> None:
    """With the exchange's time unless the event has its own."""
    scene.act("user_event", account="main", source="futures", event={"e": "ALGO_UPDATE", "o": {"x": 1}})
    scene.act("user_event", account="main", source="futures", event={"e": "NEWS", "E": 5})
    assert scene.read(stream) == [{"E": scene.now_ms, "e": "ALGO_UPDATE", "o": {"x": 1}}, {"E": 5, "e": "NEWS"}]


def test_holdings_are_the_same_over_rest(scene: ContextStage) -> None:
    """Account, balance, position and order, and spot's account."""
    scene.act("set_balance", account="main", asset="USDT", amount="7")
    scene.act("set_position", account="main", symbol="BTCUSDT", amount="0.2")
    scene.act("place_futures_order", account="main", symbol="BTCUSDT", client_order_id="a")
    assert rest(scene, "/fapi/v3/account")["assets"][0]["walletBalance"] == "7.00000000"
    assert rest(scene, "/fapi/v3/balance")[0]["balance"] == "7.00000000"
    assert rest(scene, "/fapi/v3/positionRisk")[0]["positionAmt"] == "0.20000000"
    assert rest(scene, "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="a")["status"] == "NEW"
    assert rest(scene, "/fapi/v1/order", symbol="BTCUSDT", orderId=1)["code"] == -2013
    assert rest(scene, "/api/v3/account")["balances"][0] == {
        "asset": "USDT",
        "free": "500.00000000",
        "locked": "0.00000000",
    }


@pytest.mark.parametrize("path", ["/fapi/v1/time", "/api/v3/time"])
def test_the_time_needs_no_key(scene: ContextStage, path: str) -> None:
    """And it costs weight 1."""
    answer = scene.scene.world.answer(Request("GET", path), scene.now_ms)
    assert json.loads(answer.body) == {"serverTime": scene.now_ms}
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_views_show_holdings_links_and_calls(scene: ContextStage, stream: Link) -> None:
    """Without a key in any of them."""
    from p2pbot.sandbox.actions import VIEWS  # noqa: PLC0415 - the table is wanted here alone

    link = scene.open()
    scene.ask_signed(link, "session.logon", ED_NAME)
    shown = {
        name: VIEWS[name].perform(scene.scene.world, arguments, scene.now_ms)
        for name, arguments in {
            "holdings": {"account": "main"},
            "links": {},
            "links_seen": {},
            "ws_calls": {"account": ED_NAME},
        }.items()
    }
    assert shown["holdings"]["futures_balances"] == {"USDT": "1000.00000000"}
    assert [(row["kind"], row["logged_on"]) for row in shown["links"]] == [
        ("futures_stream", False),
        ("futures_api", True),
    ]
    assert [row["what"] for row in shown["links_seen"]] == ["opened", "opened"]
    assert [row["method"] for row in shown["ws_calls"]] == ["session.logon"]
    assert not any(key in json.dumps(shown) for key in (*stream.keys, "ed-key"))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=8))
def test_money_keeps_its_eighth_place(amount: Decimal) -> None:
    """What the exchange writes is what it holds, never with an exponent."""
    assert Decimal(plain(amount)) == amount
    assert "E" not in plain(amount)
