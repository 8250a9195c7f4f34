"""The WebSocket APIs of the sandbox: envelope, signatures, logon, revocation, weights, faults."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox import Fault, SandboxAccount
from p2pbot.sandbox.links import Source
from p2pbot.sandbox.signatures import verify
from p2pbot.sandbox.ws_methods import METHODS
from p2pbot.sandbox.ws_requests import WsRefusal, read_request, signed_payload
from tests.sandbox.context_stage import FUTURES, SPOT, ContextStage, context_stage
from tests.sandbox.keys import ED_NAME, RSA_NAME, ws_signature
from tests.sandbox.peer import KEY, SECRET

MINUTE_MS = 60_000


@pytest.fixture
def scene() -> ContextStage:
    """Set a stage."""
    return context_stage()


def error(answer: Any) -> tuple[int, int]:
    """Return an answer's status and its error's code."""
    return answer["status"], answer["error"]["code"]


# ---- envelope ----


@pytest.mark.parametrize("number", [7, "a-text", None])
def test_an_id_is_echoed(scene: ContextStage, number: Any) -> None:
    """Whatever kind it is; the answer has status, result and the weights."""
    (answer,) = scene.write(scene.open(), {"id": number, "method": "session.status"})
    assert (answer["id"], answer["status"]) == (number, 200)
    assert answer["rateLimits"] == [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": 7}
    ]


@pytest.mark.parametrize("frame", ["", "[]", "{", "null", "\x00", b"\xff", "[" * 100_000])
def test_what_is_no_request_is_refused(scene: ContextStage, frame: str | bytes) -> None:
    """The refusal has no id, and the link stays open."""
    link = scene.open()
    (answer,) = scene.write(link, frame)
    assert (answer["id"], *error(answer)) == (None, 400, -1135)
    assert scene.ask(link, "session.status")["status"] == 200


@given(st.text() | st.binary())
def test_any_frame_is_a_request_or_a_refusal(frame: str | bytes) -> None:
    """No input makes another exception."""
    with contextlib.suppress(WsRefusal):
        assert read_request(frame).method


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"id": 1, "method": "order.place"}, -1000),
        ({"id": 1, "method": "time"}, -1000),
        ({"id": 1}, -1102),
        ({"id": 1, "method": "session.status", "params": []}, -1101),
        ({"id": 1, "method": "session.status", "parms": {}}, -1101),
        ({"id": 1, "method": "session.status", "params": {"extra": 1}}, -1104),
        ({"id": 1, "method": "session.status", "params": {"timestamp": 1.5}}, -1100),
        ({"id": 1.5, "method": "session.status"}, -1100),
        ({"id": True, "method": "session.status"}, -1100),
    ],
)
def test_a_request_of_the_wrong_shape_is_refused(scene: ContextStage, request_: Any, code: int) -> None:
    """A method that is not in the list, a field or a parameter that nobody knows, a decimal as a JSON number."""
    (answer,) = scene.write(scene.open(), request_)
    assert error(answer) == (400, code)


def test_the_weights_are_left_out_where_nobody_wants_them(scene: ContextStage) -> None:
    """By the URL, or by one request."""
    quiet = scene.open(returnRateLimits="false")
    assert "rateLimits" not in scene.ask(quiet, "session.status")
    assert "rateLimits" in scene.ask(quiet, "session.status", returnRateLimits=True)
    assert "rateLimits" not in scene.ask(scene.open(), "session.status", returnRateLimits=False)


def test_no_method_changes_an_order() -> None:
    """The list holds nothing but session, streams and looks."""
    names = {name for methods in METHODS.values() for name in methods}
    assert {name.partition(".")[0] for name in names} == {
        "session",
        "userDataStream",
        "v2/account",
        "account",
        "order",
    }
    assert [name for name in names if name.startswith("order.")] == ["order.status"]


# ---- signatures ----


@pytest.mark.parametrize("account", ["main", ED_NAME, RSA_NAME])
def test_each_kind_of_key_may_sign(scene: ContextStage, account: str) -> None:
    """HMAC, Ed25519 and RSA, each over the sorted parameters."""
    answer = scene.ask_signed(scene.open(), "v2/account.balance", account)
    assert answer["result"][0]["asset"] == "USDT"


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01000000"}
            | {"price": "52000.00", "recvWindow": 100, "timestamp": 1645423376532, "apiKey": KEY},
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {"symbol": "１２３４５６", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.00000000"}
            | {"price": "0.10000000", "recvWindow": 5000, "timestamp": 1645423376532, "apiKey": KEY},
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_the_published_signatures_are_right(params: dict[str, Any], signature: str) -> None:
    """The examples of the exchange's documents, one of them not ASCII."""
    account = SandboxAccount(name="main", api_key=KEY, hmac_secret=SECRET)
    assert verify(account, signed_payload(params | {"signature": signature}), signature)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"signature": "0" * 64}, 400, -1022),
        ({"signature": "not base64!"}, 400, -1022),
        ({"signature": None}, 400, -1100),
        ({"apiKey": "unknown"}, 401, -2015),
        ({"apiKey": "bad key!"}, 401, -2014),
        ({"timestamp": "yesterday"}, 400, -1100),
        ({"recvWindow": 60_001}, 400, -1131),
    ],
)
def test_a_signed_request_with_a_fault_is_refused(
    scene: ContextStage, changes: dict[str, Any], status: int, code: int
) -> None:
    """Wrong signature, key, time or window."""
    params: dict[str, Any] = {"apiKey": KEY, "timestamp": scene.now_ms}
    params |= {"signature": ws_signature("main", params)} | changes
    assert error(scene.ask(scene.open(), "v2/account.status", **params)) == (status, code)


@pytest.mark.parametrize("left_out", ["apiKey", "timestamp", "signature"])
def test_a_signed_request_needs_all_three(scene: ContextStage, left_out: str) -> None:
    """Without a logon: key, time and signature."""
    params: dict[str, Any] = {"apiKey": KEY, "timestamp": scene.now_ms}
    params["signature"] = ws_signature("main", params)
    params.pop(left_out)
    assert error(scene.ask(scene.open(), "v2/account.status", **params)) == (400, -1102)


@pytest.mark.parametrize(
    ("offset_ms", "window", "accepted"),
    [(999, 60_000, True), (1000, 60_000, False), (-5000, None, True), (-5001, None, False), (-101, 100, False)],
)
def test_the_clock_may_be_a_second_ahead_and_a_window_behind(
    scene: ContextStage,
    offset_ms: int,
    window: int | None,
    accepted: bool,  # noqa: FBT001 – a table's column
) -> None:
    """A second fast is fatal at any recvWindow."""
    extra: dict[str, Any] = {} if window is None else {"recvWindow": window}
    link = scene.open()
    answer = scene.ask_signed(link, "v2/account.status", timestamp=scene.now_ms + offset_ms, **extra)
    assert answer["status"] == (200 if accepted else 400)
    assert accepted or error(answer) == (400, -1021)


# ---- session ----


def test_an_ed25519_key_logs_on(scene: ContextStage) -> None:
    """Afterwards signed requests need neither key nor signature, but a time."""
    link = scene.open()
    session = scene.ask_signed(link, "session.logon", ED_NAME)["result"]
    assert (session["apiKey"], session["authorizedSince"]) == ("ed-key", scene.now_ms)
    assert scene.ask(link, "v2/account.status", timestamp=scene.now_ms)["status"] == 200
    assert error(scene.ask(link, "v2/account.status")) == (400, -1102)


@pytest.mark.parametrize(("account", "kind"), [("main", "HMAC_SHA256"), (RSA_NAME, "RSA")])
def test_no_other_key_logs_on(scene: ContextStage, account: str, kind: str) -> None:
    """HMAC and RSA are refused by their names, and the connection stays as it was."""
    link = scene.open()
    refused = scene.ask_signed(link, "session.logon", account)
    assert (*error(refused), refused["error"]["msg"]) == (400, -4056, f"{kind} API key is not supported.")
    assert scene.ask(link, "session.status")["result"]["apiKey"] is None


def test_a_logout_leaves_the_connection_open(scene: ContextStage) -> None:
    """Its answer has nulls, and so has the next status."""
    link = scene.open()
    scene.ask_signed(link, "session.logon", ED_NAME)
    assert scene.ask(link, "session.logout")["result"]["apiKey"] is None
    assert scene.ask(link, "session.status")["result"]["authorizedSince"] is None
    assert error(scene.ask(link, "v2/account.status", timestamp=scene.now_ms)) == (400, -1102)


def test_a_request_may_bring_its_own_key(scene: ContextStage) -> None:
    """An explicit key and signature override the logon for that request."""
    link = scene.open()
    scene.ask_signed(link, "session.logon", ED_NAME)
    scene.act("set_balance", account="main", asset="BNB", amount="3")
    assert [row["asset"] for row in scene.ask_signed(link, "v2/account.balance")["result"]] == ["USDT", "BNB"]
    assert len(scene.ask(link, "v2/account.balance", timestamp=scene.now_ms)["result"]) == 1


def test_a_key_without_a_signature_is_no_request_of_the_session(scene: ContextStage) -> None:
    """Whoever names a key signs, logged on or not."""
    link = scene.open()
    scene.ask_signed(link, "session.logon", ED_NAME)
    assert error(scene.ask(link, "v2/account.status", apiKey="ed-key", timestamp=scene.now_ms)) == (400, -1102)


def test_a_key_counts_from_allowed_addresses_only() -> None:
    """From another address each signed request is refused with -2015."""
    scene = context_stage(
        accounts=(SandboxAccount(name="main", api_key=KEY, hmac_secret=SECRET, address_allowed=False),)
    )
    assert error(scene.ask_signed(scene.open(), "v2/account.status")) == (401, -2015)


def test_a_key_without_p2p_may_look_at_futures() -> None:
    """P2P's permission is P2P's alone."""
    scene = context_stage(accounts=(SandboxAccount(name="main", api_key=KEY, hmac_secret=SECRET, p2p_allowed=False),))
    assert scene.ask_signed(scene.open(), "v2/account.status")["status"] == 200
    assert scene.listen_key()


def test_a_session_tells_the_clock_to_anybody(scene: ContextStage) -> None:
    """``serverTime`` needs no key and follows the exchange's clock."""
    scene.scene.world.inject(Fault("clock_skew", skew_ms=7000), scene.now_ms)
    assert scene.ask(scene.open(), "session.status")["result"]["serverTime"] == scene.now_ms + 7000


def test_a_revoked_session_learns_it_by_its_next_request(scene: ContextStage) -> None:
    """The frame has no id, the request no other answer, and then nobody is logged on."""
    link = scene.open()
    scene.ask_signed(link, "session.logon", ED_NAME)
    scene.act("revoke_key", account=ED_NAME)
    assert scene.read(link) == []
    answer = scene.ask(link, "session.status")
    assert (answer["id"], *error(answer)) == (None, 401, -2015)
    assert scene.ask(link, "session.status")["result"]["apiKey"] is None
    assert error(scene.ask_signed(link, "session.logon", ED_NAME)) == (401, -2015)
    scene.act("restore_key", account=ED_NAME)
    assert scene.ask_signed(link, "session.logon", ED_NAME)["status"] == 200


def test_a_revoked_key_is_refused_over_rest(scene: ContextStage) -> None:
    """With -2015."""
    scene.act("revoke_key", account="main")
    assert json.loads(scene.keyed("POST", "/fapi/v1/listenKey").body)["code"] == -2015


# ---- weights ----


def test_rest_and_websocket_share_one_budget(scene: ContextStage) -> None:
    """2400 a minute; beyond it both refuse and say until when; in the next minute all is well."""
    link = scene.open()
    while scene.context.weight_used(Source.FUTURES, scene.now_ms) <= 2395:
        scene.ask_signed(link, "v2/account.status")
    refused = scene.ask_signed(link, "v2/account.status")
    assert error(refused) == (429, -1003)
    wait_ms = refused["error"]["data"]["retryAfter"] - scene.now_ms
    assert 0 < wait_ms <= MINUTE_MS
    over_rest = scene.keyed("POST", "/fapi/v1/listenKey")
    assert (over_rest.status, over_rest.headers["Retry-After"]) == (429, str(-(-wait_ms // 1000)))
    scene.pass_ms(wait_ms)
    assert scene.ask_signed(link, "v2/account.status")["status"] == 200


def test_who_goes_on_is_banned(scene: ContextStage) -> None:
    """418 with a word until when, and the ban outlasts the minute."""
    link = scene.open()
    for _ in range(600):
        answer = scene.ask_signed(link, "v2/account.status")
    assert error(answer) == (418, -1003)
    assert "banned until" in answer["error"]["msg"]
    scene.pass_ms(MINUTE_MS)
    assert error(scene.ask(link, "session.status")) == (418, -1003)
    scene.pass_ms(MINUTE_MS)
    assert scene.ask(link, "session.status")["status"] == 200


def test_the_two_products_have_budgets_of_their_own(scene: ContextStage) -> None:
    """What spot uses, futures does not."""
    scene.ask_signed(scene.open(SPOT), "account.status")
    assert scene.context.weight_used(Source.SPOT, scene.now_ms) == 22
    assert scene.context.weight_used(Source.FUTURES, scene.now_ms) == 0


# ---- looks ----


def test_an_order_is_found_by_either_name(scene: ContextStage) -> None:
    """By its id or its client's; a wrong symbol finds nothing; neither name is a refusal."""
    name = scene.act("place_futures_order", account="main", symbol="BTCUSDT", client_order_id="hedge-1")
    link = scene.open()
    found = scene.ask_signed(link, "order.status", symbol="BTCUSDT", origClientOrderId=name["client_order_id"])
    order = found["result"]
    assert (order["status"], order["origQty"], order["executedQty"]) == ("NEW", "1.00000000", "0.00000000")
    again = scene.ask_signed(link, "order.status", symbol="BTCUSDT", orderId=order["orderId"])
    assert again["result"] == order
    assert error(scene.ask_signed(link, "order.status", symbol="ETHUSDT", origClientOrderId="hedge-1")) == (400, -2013)
    assert error(scene.ask_signed(link, "order.status", symbol="BTCUSDT")) == (400, -1102)


def test_an_account_shows_what_it_holds(scene: ContextStage) -> None:
    """Balances and positions, over both products; a position of 0 is left out."""
    scene.act("set_balance", account="main", asset="USDT", amount="12.5")
    scene.act("set_position", account="main", symbol="BTCUSDT", amount="-0.2", entry_price="60000")
    scene.act("set_position", account="main", symbol="ETHUSDT", amount="0")
    scene.act("set_spot_balance", account="main", asset="BTC", free="1", locked="0.5")
    link = scene.open()
    account = scene.ask_signed(link, "v2/account.status")["result"]
    assert account["assets"][0]["walletBalance"] == "12.50000000"
    positions = scene.ask_signed(link, "v2/account.position")["result"]
    assert [(row["symbol"], row["positionAmt"]) for row in positions] == [("BTCUSDT", "-0.20000000")]
    assert scene.ask_signed(link, "v2/account.position", symbol="ETHUSDT")["result"] == []
    spot = scene.ask_signed(scene.open(SPOT), "account.status")["result"]["balances"]
    assert {"asset": "BTC", "free": "1.00000000", "locked": "0.50000000"} in spot


# ---- faults ----


@pytest.mark.parametrize("account", [None, ED_NAME])
def test_an_error_may_be_played(scene: ContextStage, account: str | None) -> None:
    """Once, for one method, with a time to wait; the request is not carried out."""
    link = scene.open()
    scene.ask_signed(link, "session.logon", ED_NAME)
    fault = Fault(
        "ws_api_error",
        account=account,
        method="userDataStream.start",
        status=503,
        code=-1008,
        retry_after_ms=200,
        count=1,
    )
    scene.scene.world.inject(fault, scene.now_ms)
    answer = scene.ask(link, "userDataStream.start")
    assert (*error(answer), answer["error"]["data"]["retryAfter"]) == (503, -1008, scene.now_ms + 200)
    assert scene.context.listen_key(ED_NAME, Source.FUTURES, scene.now_ms) == ""
    assert scene.ask(link, "userDataStream.start")["status"] == 200


def test_an_answer_may_be_lost(scene: ContextStage) -> None:
    """The request is carried out, and nothing comes."""
    link = scene.open()
    scene.scene.world.inject(Fault("ws_api_lost", count=1), scene.now_ms)
    start = {"id": 1, "method": "userDataStream.start", "params": {"apiKey": KEY}}
    assert scene.write(link, start) == []
    assert scene.context.listen_key("main", Source.FUTURES, scene.now_ms) != ""


def test_an_error_may_hide_a_success(scene: ContextStage) -> None:
    """With ``carried_out`` the outcome is unknown to the peer, and was good."""
    scene.scene.world.inject(Fault("ws_api_error", code=-1007, status=408, carried_out=True, count=1), scene.now_ms)
    assert error(scene.ask(scene.open(), "userDataStream.start", apiKey=KEY)) == (408, -1007)
    assert scene.context.listen_key("main", Source.FUTURES, scene.now_ms) != ""


def test_an_answer_may_come_late(scene: ContextStage) -> None:
    """A later request overtakes it."""
    link = scene.open()
    scene.scene.world.inject(Fault("ws_api_late", method="session.status", delay_ms=500, count=1), scene.now_ms)
    assert scene.write(link, {"id": "late", "method": "session.status"}) == []
    assert scene.ask(link, "session.status")["id"] != "late"
    scene.pass_ms(499)
    assert scene.read(link) == []
    scene.pass_ms(1)
    assert [answer["id"] for answer in scene.read(link)] == ["late"]


def test_a_gateway_may_answer_a_page(scene: ContextStage) -> None:
    """A text frame that is no JSON."""
    link = scene.open()
    scene.scene.world.inject(Fault("ws_api_html", count=1), scene.now_ms)
    scene.context.take_frame(link, json.dumps({"id": 1, "method": "session.status"}), scene.now_ms)
    (page,) = scene.effects(link)
    assert "<html>" in str(getattr(page, "data", ""))


def test_a_silent_link_answers_nothing(scene: ContextStage) -> None:
    """Until the fault is over; then requests are answered again."""
    link = scene.open()
    scene.scene.world.inject(Fault("link_silence", link="futures_api", duration_ms=1000), scene.now_ms)
    assert scene.write(link, {"id": 1, "method": "session.status"}) == []
    assert scene.write(scene.open(SPOT), {"id": 1, "method": "session.status"}) != []
    scene.pass_ms(1000)
    assert scene.ask(link, "session.status")["status"] == 200


def test_a_key_may_be_refused_for_a_while(scene: ContextStage) -> None:
    """``key_refused`` strikes over WebSocket as over REST."""
    scene.scene.world.inject(Fault("key_refused", account="main", count=1), scene.now_ms)
    link = scene.open()
    assert error(scene.ask(link, "userDataStream.start", apiKey=KEY)) == (401, -2015)
    assert scene.ask(link, "userDataStream.start", apiKey=KEY)["status"] == 200


def test_every_request_is_recorded(scene: ContextStage) -> None:
    """With account, method, status and code; never with a key."""
    link = scene.open(FUTURES)
    scene.ask_signed(link, "v2/account.status")
    scene.ask(link, "order.place")
    assert [(call.account, call.method, call.status, call.code) for call in scene.context.calls()] == [
        ("main", "v2/account.status", 200, ""),
        ("main", "order.place", 400, "-1000"),
    ]
    assert scene.context.calls("main", "v2/account.status")[0].signed
    assert KEY not in repr(scene.context.calls())
