"""Pushes and the faults that befall them on their way to the socket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox import Fault, Outcome, SecondSocket
from p2pbot.sandbox.state import Abort, Close, Mute
from tests.sandbox.peer import OTHER
from tests.sandbox.stage import START_MS, Stage, stage


def listening(**changes: Any) -> tuple[Stage, str]:
    """Return a stage with an open order and a socket, its first pushes read."""
    scene = stage(**changes)
    scene.connect()
    order_no = scene.open_order()
    scene.pushes()
    return scene, order_no


def contents(pushes: list[Any]) -> list[str]:
    """Return the texts."""
    return [push["content"] for push in pushes]


def test_one_socket_carries_all_orders_of_its_account() -> None:
    """Messages of every order of the account arrive on its socket, and none of another account."""
    scene, order_no = listening()
    scene.connect(OTHER)
    second, foreign = scene.open_order(), scene.open_order("other")
    scene.pushes()
    for number in (order_no, second, foreign):
        scene.world.say(number, number, scene.now_ms)
    assert contents(scene.pushes(scene.sockets["main"])) == [order_no, second]


def test_nothing_is_replayed_after_a_reconnect() -> None:
    """What was said while no socket was open is in the history only."""
    scene, order_no = listening()
    scene.world.leave(scene.sockets["main"].socket_id)
    scene.world.say(order_no, "missed", scene.now_ms)
    scene.connect()
    assert scene.pushes() == []
    assert scene.history(order_no)[0]["content"] == "missed"
    assert scene.world.lost_pushes("main") == 1


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault("drop"), (Abort, 0, "")),
        (Fault("close", code=1011, reason="oops"), (Close, 1011, "oops")),
        (Fault("bye"), (Close, 1000, "Bye")),
    ],
)
def test_breaking_faults_strike_at_once(fault: Fault, wanted: tuple[type, int, str]) -> None:
    """Drop resets, close and bye close with their code and reason; the account has no socket then."""
    scene, _ = listening()
    scene.world.inject(fault, START_MS)
    (end,) = scene.ends()
    assert (type(end), getattr(end, "code", 0), getattr(end, "reason", "")) == wanted
    assert scene.world.live_sockets("main") == 0
    assert scene.world.faults(START_MS) == ()


def test_a_drop_instead_of_a_push_loses_the_push() -> None:
    """``when='push'``: the connection is reset and the message never arrives."""
    scene, order_no = listening()
    scene.world.inject(Fault("drop", when="push", order=order_no, count=1), START_MS)
    scene.world.say(order_no, "lost", scene.now_ms)
    assert [type(effect) for effect in scene.world.take_effects()] == [Abort]


@pytest.mark.parametrize(("name", "mute"), [("silence", Mute.SILENT), ("half_open", Mute.HALF_OPEN)])
def test_a_silent_socket_swallows_both_ways(name: str, mute: Mute) -> None:
    """Pushes are lost, our frames are swallowed, the socket stays open; clearing lets it talk, without replay."""
    scene, order_no = listening()
    scene.world.inject(Fault(name, account="main"), START_MS)
    scene.world.say(order_no, "unheard", scene.now_ms)
    assert scene.write(order_no, "Hello").outcome is Outcome.SWALLOWED
    assert scene.pushes() == []
    assert scene.world.mute_of(scene.sockets["main"], START_MS) is mute
    scene.world.clear_faults()
    scene.world.say(order_no, "heard", scene.now_ms)
    assert contents(scene.pushes()) == ["heard"]


def test_silence_without_duration_is_of_the_sockets_that_are_open() -> None:
    """A new connection hears again."""
    scene, order_no = listening()
    scene.world.inject(Fault("silence", account="main"), START_MS)
    socket = scene.connect()
    scene.world.say(order_no, "heard", scene.now_ms)
    assert contents(scene.pushes(socket)) == ["heard"]


def test_silence_with_duration_is_of_every_socket() -> None:
    """A new connection is as silent as the old one until the time is over."""
    scene, order_no = listening()
    scene.world.inject(Fault("silence", account="main", duration_ms=1000), START_MS)
    scene.connect()
    scene.pushes()
    scene.world.say(order_no, "unheard", scene.now_ms)
    assert scene.pushes() == []
    scene.pass_ms(1000)
    scene.world.say(order_no, "heard", scene.now_ms)
    assert contents(scene.pushes()) == ["heard"]


def test_delay_holds_pushes_and_keeps_their_order() -> None:
    """Pushes come after the delay, one after the other, even when their delays differ."""
    scene, order_no = listening()
    scene.world.inject(Fault("delay", delay_ms=100, max_delay_ms=900), START_MS)
    for text in "abcdef":
        scene.world.say(order_no, text, scene.now_ms)
    assert scene.pushes() == []
    scene.pass_ms(900)
    assert contents(scene.pushes()) == list("abcdef")


def test_a_delayed_push_to_a_socket_that_closed_is_lost() -> None:
    """Nothing is written to a socket that is gone."""
    scene, order_no = listening()
    scene.world.inject(Fault("delay", delay_ms=100), START_MS)
    scene.world.say(order_no, "late", scene.now_ms)
    scene.world.leave(scene.sockets["main"].socket_id)
    scene.pass_ms(200)
    assert scene.pushes() == []


def test_duplicate_repeats_a_push() -> None:
    """The copies are the same frame, at once or after a gap."""
    scene, order_no = listening()
    scene.world.inject(Fault("duplicate", copies=2, gap_ms=50, count=1), START_MS)
    scene.world.say(order_no, "once", scene.now_ms)
    scene.world.say(order_no, "between", scene.now_ms)
    scene.pass_ms(100)
    pushes = scene.pushes()
    assert contents(pushes) == ["once", "between", "once", "once"]
    assert pushes[0] == pushes[2] == pushes[3]
    assert len(scene.world.chat(order_no)) == 3


def test_reorder_swaps_two_pushes() -> None:
    """A push that is held back comes after the next one."""
    scene, order_no = listening()
    scene.world.inject(Fault("reorder", count=1), START_MS)
    scene.world.say(order_no, "first", scene.now_ms)
    scene.world.say(order_no, "second", scene.now_ms)
    assert contents(scene.pushes()) == ["second", "first"]


def test_reorder_does_not_hold_for_ever() -> None:
    """Without a next push the one held back comes by itself."""
    scene, order_no = listening()
    scene.world.inject(Fault("reorder", count=1, longest_ms=300), START_MS)
    scene.world.say(order_no, "only", scene.now_ms)
    assert scene.pushes() == []
    scene.pass_ms(300)
    assert contents(scene.pushes()) == ["only"]


def test_a_push_held_back_does_not_break_a_silence() -> None:
    """What waits for the next push is lost when the socket falls silent."""
    scene, order_no = listening()
    scene.world.inject(Fault("reorder", count=1, longest_ms=300), START_MS)
    scene.world.say(order_no, "held", scene.now_ms)
    scene.world.inject(Fault("silence"), START_MS)
    scene.pass_ms(300)
    assert scene.pushes() == []


def test_noise_comes_before_pushes() -> None:
    """Under noise each push is preceded by something meaningless."""
    scene, order_no = listening()
    scene.world.inject(Fault("noise"), START_MS)
    for _ in range(20):
        scene.world.say(order_no, "word", scene.now_ms)
    pushes = scene.pushes()
    assert len(pushes) == 40
    assert all(push["content"] == "word" for push in pushes[1::2])


def test_two_sockets_may_live_where_that_is_allowed() -> None:
    """With the other policy both sockets get every push."""
    scene = stage(second_socket=SecondSocket.ALLOW)
    first, second = scene.connect(), scene.connect()
    order_no = scene.open_order()
    scene.pushes()
    scene.world.say(order_no, "both", scene.now_ms)
    effects = scene.world.take_effects()
    assert [effect.socket_id for effect in effects] == [first.socket_id, second.socket_id]


@given(st.integers(0, 2**32), st.lists(st.text(min_size=1, max_size=20), max_size=30))
def test_variety_loses_nothing(seed: int, texts: list[str]) -> None:
    """With noise, repeats and every dialect each message still arrives, and in order."""
    scene = stage(seed=seed, variety=True)
    scene.connect()
    order_no = scene.open_order()
    ids = [str(scene.world.say(order_no, text, scene.now_ms)) for text in texts]
    arrived = [str(push["id"]) for push in scene.pushes() if isinstance(push, dict) and push.get("type") == "text"]
    assert list(dict.fromkeys(arrived)) == ids
