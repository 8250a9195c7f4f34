"""Private streams and listenKeys of the sandbox: who hears what, and the silence that follows an end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from p2pbot.sandbox import Fault
from p2pbot.sandbox.gateway import Request
from p2pbot.sandbox.links import LinkKind, Source
from tests.sandbox.context_stage import PRIVATE, SPOT, ContextStage, context_stage
from tests.sandbox.keys import ED_NAME
from tests.sandbox.peer import KEY

HOUR_MS = 3_600_000
LISTEN_KEY, SPOT_KEY = "/fapi/v1/listenKey", "/api/v3/userDataStream"


@pytest.fixture
def scene() -> ContextStage:
    """Set a stage where spot's old listenKeys are served, and nobody minds that pings stay unanswered."""
    return context_stage(spot_listen_keys=True, pong_within_ms=24 * HOUR_MS)


def deposit(scene: ContextStage, account: str = "main", amount: str = "5") -> None:
    """Change a futures balance."""
    scene.act("set_balance", account=account, asset="USDT", amount=amount)


# ---- listenKeys ----


def test_a_start_gives_the_key_that_is_active(scene: ContextStage) -> None:
    """Over REST and WebSocket alike, extended by an hour each time."""
    key = scene.listen_key()
    scene.pass_ms(HOUR_MS - 1)
    over_ws = scene.ask(scene.open(), "userDataStream.start", apiKey=KEY)
    assert over_ws["result"] == {"listenKey": key}
    scene.pass_ms(HOUR_MS - 1)
    assert scene.listen_key() == key


def test_a_key_ends_after_an_hour(scene: ContextStage) -> None:
    """Then a keepalive is refused with -1125 over both ways, and a start gives another key."""
    key = scene.listen_key()
    scene.pass_ms(HOUR_MS)
    refused = scene.keyed("PUT", LISTEN_KEY)
    assert (refused.status, json.loads(refused.body)["code"]) == (400, -1125)
    over_ws = scene.ask(scene.open(), "userDataStream.ping", apiKey=KEY)
    assert (over_ws["status"], over_ws["error"]["code"]) == (400, -1125)
    assert scene.listen_key() != key


def test_a_keepalive_names_the_key_and_extends_it(scene: ContextStage) -> None:
    """It answers the key, whoever asks by whatever way."""
    key = scene.listen_key()
    scene.pass_ms(HOUR_MS - 1)
    assert json.loads(scene.keyed("PUT", LISTEN_KEY).body) == {"listenKey": key}
    scene.pass_ms(HOUR_MS - 1)
    assert scene.ask(scene.open(), "userDataStream.ping", apiKey=KEY)["result"] == {"listenKey": key}


def test_accounts_have_keys_of_their_own(scene: ContextStage) -> None:
    """And an account's futures key is not its spot key."""
    assert len({scene.listen_key(), scene.listen_key(SPOT_KEY)}) == 2
    assert json.loads(scene.keyed("POST", LISTEN_KEY, account=ED_NAME).body)["listenKey"] != scene.listen_key()


def test_spots_keys_are_gone_by_default() -> None:
    """410 and a page, as since February 2026."""
    scene = context_stage()
    answers = [scene.keyed(method, SPOT_KEY, "listenKey=x") for method in ("POST", "PUT", "DELETE")]
    assert [(answer.status, answer.content_type) for answer in answers] == [(410, "text/html")] * 3


def test_spots_keys_must_be_named(scene: ContextStage) -> None:
    """A keepalive and a close name the key; a wrong one does not exist."""
    key = scene.listen_key(SPOT_KEY)
    assert json.loads(scene.keyed("PUT", SPOT_KEY).body)["code"] == -1102
    assert json.loads(scene.keyed("PUT", SPOT_KEY, "listenKey=wrong").body)["code"] == -1125
    assert scene.keyed("PUT", SPOT_KEY, f"listenKey={key}").body == "{}"
    assert scene.keyed("DELETE", SPOT_KEY, f"listenKey={key}").body == "{}"
    assert scene.listen_key(SPOT_KEY) != key


def test_a_key_needs_no_signature_but_the_header(scene: ContextStage) -> None:
    """Without the header, or with an unknown key, it is refused."""
    assert scene.listen_key()
    for headers, code in (({}, -2014), ({"x-mbx-apikey": "unknown"}, -2008)):
        answer = scene.scene.world.answer(Request("POST", LISTEN_KEY, "", headers, b""), scene.now_ms)
        assert json.loads(answer.body)["code"] == code


def test_a_key_that_was_replaced_does_not_end_its_successor(scene: ContextStage) -> None:
    """The hour of a key that ended before its time is nobody's any more."""
    scene.listen_key()
    scene.pass_ms(HOUR_MS // 2)
    scene.act("expire_listen_key", account="main", silently=True)
    key = scene.listen_key()
    scene.pass_ms(HOUR_MS // 2)
    assert json.loads(scene.keyed("PUT", LISTEN_KEY).body) == {"listenKey": key}


def test_a_start_after_the_hour_ends_the_old_key_first(scene: ContextStage) -> None:
    """Even if the world's timer is late, the old key's sockets are told."""
    link = scene.open(PRIVATE, listenKey=scene.listen_key())
    scene.scene.now_ms += HOUR_MS  # nothing that was due has been done
    scene.listen_key()
    assert scene.events(link) == ["listenKeyExpired"]


# ---- who hears what ----


def test_events_come_raw_on_ws_and_wrapped_on_stream(scene: ContextStage) -> None:
    """Both envelopes, at once, on two sockets."""
    key = scene.listen_key()
    plain = scene.open(PRIVATE, listenKey=key)
    combined = scene.open("/private/stream")
    assert scene.write(combined, {"method": "SUBSCRIBE", "params": [key], "id": 1}) == [{"result": None, "id": 1}]
    deposit(scene)
    (raw,), (wrapped,) = scene.read(plain), scene.read(combined)
    assert wrapped == {"stream": key, "data": raw}
    assert raw["a"] == {"m": "WITHDRAW", "B": raw["a"]["B"], "P": []}


def test_the_list_of_events_is_strict(scene: ContextStage) -> None:
    """Only what is listed comes; a typo is silent; without a list everything comes."""
    key = scene.listen_key()
    some = scene.open(PRIVATE, listenKey=key, events="MARGIN_CALL/ORDER_TRADE_UPDATE")
    typo = scene.open(PRIVATE, listenKey=key, events="ACOUNT_UPDATE")
    every = scene.open(PRIVATE, listenKey=key)
    deposit(scene)
    scene.act("margin_call", account="main", symbol="BTCUSDT")
    assert scene.events(some) == ["MARGIN_CALL"]
    assert scene.events(typo) == []
    assert scene.events(every) == ["ACCOUNT_UPDATE", "MARGIN_CALL"]


def test_an_account_does_not_hear_another(scene: ContextStage) -> None:
    """An event goes to its own account's key alone."""
    link = scene.open(PRIVATE, listenKey=scene.listen_key())
    deposit(scene, ED_NAME)
    assert scene.events(link) == []


@pytest.mark.parametrize("path", ["/private/ws", "/ws/dead", "/private/stream", "/stream"])
def test_a_dead_key_connects_and_stays_silent(scene: ContextStage, path: str) -> None:
    """A handshake proves nothing."""
    link = scene.open(path, listenKey="dead", streams="dead")
    deposit(scene)
    scene.act("set_spot_balance", account="main", asset="USDT", free="1")
    assert scene.read(link) == []


@pytest.mark.parametrize("path", ["/public/ws", "/market/stream"])
def test_a_wrong_route_acknowledges_and_stays_silent(scene: ContextStage, path: str) -> None:
    """SUBSCRIBE succeeds there, and then nothing ever comes."""
    key = scene.listen_key()
    link = scene.open(path)
    assert link.kind is LinkKind.UNROUTED
    assert scene.write(link, {"method": "SUBSCRIBE", "params": [key], "id": "a"}) == [{"result": None, "id": "a"}]
    deposit(scene)
    assert scene.read(link) == []


def test_an_expired_key_is_told_and_then_silent(scene: ContextStage) -> None:
    """The event listenKeyExpired comes where the key is used; the socket stays open; a new key does not reach it."""
    link = scene.open(PRIVATE, listenKey=scene.listen_key())
    scene.pass_ms(HOUR_MS)
    assert scene.events(link) == ["listenKeyExpired"]
    scene.listen_key()
    deposit(scene)
    assert (scene.read(link), scene.ends(link)) == ([], [])


def test_a_stop_silences_everybody(scene: ContextStage) -> None:
    """Each socket of the key is told, whoever stopped it."""
    key = scene.listen_key()
    links = [scene.open(PRIVATE, listenKey=key) for _ in range(2)]
    assert scene.keyed("DELETE", LISTEN_KEY).body == "{}"
    assert [scene.events(link) for link in links] == [["listenKeyExpired"]] * 2


def test_a_key_may_end_without_a_word(scene: ContextStage) -> None:
    """``silently``: nothing comes, and a start gives another key."""
    key = scene.listen_key()
    link = scene.open(PRIVATE, listenKey=key)
    assert scene.act("expire_listen_key", account="main", silently=True) == {"ended": True}
    assert scene.act("expire_listen_key", account="main") == {"ended": False}
    deposit(scene)
    assert scene.read(link) == []
    assert scene.listen_key() != key


def test_subscriptions_can_be_listed_and_ended(scene: ContextStage) -> None:
    """LIST_SUBSCRIPTIONS and UNSUBSCRIBE; what is no request is an error."""
    key = scene.listen_key()
    link = scene.open("/private/stream")
    scene.write(link, {"method": "SUBSCRIBE", "params": [key], "id": 1})
    assert scene.write(link, {"method": "LIST_SUBSCRIPTIONS", "id": 2}) == [{"result": [key], "id": 2}]
    scene.write(link, {"method": "UNSUBSCRIBE", "params": [key], "id": 3})
    deposit(scene)
    assert scene.read(link) == []
    for wrong in ("", "[]", "7", '{"method": "DANCE"}'):
        (answer,) = scene.write(link, wrong)
        assert "error" in answer


# ---- spot ----


@pytest.mark.parametrize("how", ["legacy", "signature", "logon"])
def test_spot_has_three_ways_to_hear(scene: ContextStage, how: str) -> None:
    """An old listenKey, a signed subscription with any key, or a logon and a subscription."""
    account = ED_NAME if how == "logon" else "main"
    if how == "legacy":
        link = scene.open(f"/ws/{scene.listen_key(SPOT_KEY)}")
    elif how == "signature":
        link = scene.open(SPOT)
        assert scene.ask_signed(link, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 0}
    else:
        link = scene.open(SPOT)
        scene.ask_signed(link, "session.logon", ED_NAME)
        assert scene.ask(link, "userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    scene.act("set_spot_balance", account=account, asset="USDT", free="7")
    assert scene.events(link) == ["balanceUpdate", "outboundAccountPosition"]


def test_a_spot_subscription_hears_no_futures(scene: ContextStage) -> None:
    """Each half has its own streams."""
    link = scene.open(SPOT)
    scene.ask_signed(link, "userDataStream.subscribe.signature")
    deposit(scene)
    assert scene.read(link) == []


def test_the_end_of_an_old_spot_key_is_not_told(scene: ContextStage) -> None:
    """The socket stays open and silent."""
    key = scene.listen_key(SPOT_KEY)
    link = scene.open(f"/ws/{key}")
    scene.keyed("DELETE", SPOT_KEY, f"listenKey={key}")
    scene.act("set_spot_balance", account="main", asset="USDT", free="7")
    assert (scene.read(link), scene.ends(link)) == ([], [])


@pytest.mark.parametrize("account", ["main", ED_NAME])
def test_a_signed_subscription_outlives_the_session(scene: ContextStage, account: str) -> None:
    """A logout ends what was subscribed by the logon alone, whoever signed the other."""
    link = scene.open(SPOT)
    scene.ask_signed(link, "session.logon", ED_NAME)
    scene.ask_signed(link, "userDataStream.subscribe.signature", account)
    if account != ED_NAME:
        scene.ask(link, "userDataStream.subscribe")
    scene.write(link, {"id": 10, "method": "session.logout"})
    assert scene.ask(link, "session.subscriptions")["result"] == [{"subscriptionId": 0}]
    scene.act("set_spot_balance", account=account, asset="USDT", free="7")
    assert [row["subscriptionId"] for row in scene.read(link)] == [0, 0]


def test_a_subscription_needs_a_logon_or_a_signature(scene: ContextStage) -> None:
    """Without either it is refused; a second one of the same account too."""
    link = scene.open(SPOT)
    assert scene.ask(link, "userDataStream.subscribe")["error"]["code"] == -1002
    scene.ask_signed(link, "userDataStream.subscribe.signature")
    assert scene.ask_signed(link, "userDataStream.subscribe.signature")["error"]["code"] == -2035


def test_a_subscription_ends_with_a_word(scene: ContextStage) -> None:
    """The event eventStreamTerminated comes after unsubscribe and after a logout, and then nothing."""
    link = scene.open(SPOT)
    scene.ask_signed(link, "session.logon", ED_NAME)
    scene.ask(link, "userDataStream.subscribe")
    ended: Any = scene.write(link, {"id": 9, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}})
    assert [row.get("event", {}).get("e") for row in ended] == ["eventStreamTerminated", None]
    scene.ask(link, "userDataStream.subscribe")
    ended = scene.write(link, {"id": 10, "method": "session.logout"})
    assert ended[0]["event"]["e"] == "eventStreamTerminated"
    scene.act("set_spot_balance", account=ED_NAME, asset="USDT", free="7")
    assert scene.read(link) == []


def test_an_unknown_subscription_cannot_be_ended(scene: ContextStage) -> None:
    """It is refused by its number."""
    answer = scene.ask(scene.open(SPOT), "userDataStream.unsubscribe", subscriptionId=4)
    assert answer["error"]["code"] == -2034


# ---- faults ----


def test_an_event_may_be_lost_or_come_twice(scene: ContextStage) -> None:
    """Of one name, once each."""
    link = scene.open(PRIVATE, listenKey=scene.listen_key())
    scene.scene.world.inject(Fault("event_lost", event="MARGIN_CALL", count=1), scene.now_ms)
    scene.scene.world.inject(Fault("event_twice", event="ACCOUNT_UPDATE", count=1), scene.now_ms)
    scene.act("margin_call", account="main", symbol="BTCUSDT")
    deposit(scene)
    deposit(scene, amount="6")
    assert scene.events(link) == ["ACCOUNT_UPDATE"] * 3


def test_noise_is_an_event_that_nobody_knows(scene: ContextStage) -> None:
    """It comes before the real one."""
    link = scene.open(PRIVATE, listenKey=scene.listen_key())
    scene.scene.world.inject(Fault("event_noise", count=1), scene.now_ms)
    deposit(scene)
    assert scene.events(link) == ["SIMULATED_NOISE", "ACCOUNT_UPDATE"]


def test_a_silenced_account_hears_nothing(scene: ContextStage) -> None:
    """``link_silence`` of one account leaves the other's streams alone."""
    mine = scene.open(PRIVATE, listenKey=scene.listen_key())
    theirs = scene.open(
        PRIVATE, listenKey=json.loads(scene.keyed("POST", LISTEN_KEY, account=ED_NAME).body)["listenKey"]
    )
    scene.scene.world.inject(Fault("link_silence", account="main", link="futures_stream"), scene.now_ms)
    deposit(scene)
    deposit(scene, ED_NAME)
    assert (scene.events(mine), scene.events(theirs)) == ([], ["ACCOUNT_UPDATE"])


def test_a_shutdown_is_announced_and_comes(scene: ContextStage) -> None:
    """The event serverShutdown in each link's envelope, and the close when the grace is over."""
    stream, api = scene.open(PRIVATE, listenKey=scene.listen_key()), scene.open(SPOT)
    assert scene.act("shut_down", grace_ms=1000) == {"told": 2}
    assert (scene.events(stream), scene.events(api)) == (["serverShutdown"], ["serverShutdown"])
    scene.pass_ms(999)
    assert scene.ends(stream) == []
    scene.pass_ms(1)
    assert [end.code for end in (*scene.ends(stream), *scene.ends(api)) if hasattr(end, "code")] == [1001, 1001]


def test_a_listen_key_never_shows_in_a_repr(scene: ContextStage) -> None:
    """Neither in links nor in rings."""
    key = scene.listen_key()
    link = scene.open(PRIVATE, listenKey=key)
    assert key not in repr((link, scene.context.links(), scene.context.inside.ring("main", Source.FUTURES)))
