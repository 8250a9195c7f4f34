"""The sockets of the account context: their life, pings, floods, and the handshake's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.sandbox import Fault
from p2pbot.sandbox.gate import Refusal
from p2pbot.sandbox.links import Link
from p2pbot.sandbox.options import hurried
from p2pbot.sandbox.state import Abort, Close
from tests.sandbox.context_stage import FUTURES, PRIVATE, SPOT, ContextStage, context_stage
from tests.sandbox.peer import options

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@pytest.fixture
def scene() -> ContextStage:
    """Set a stage."""
    return context_stage()


def answer_pings(scene: ContextStage, link: Link, minutes: int) -> None:
    """Let time pass with a peer that copies each ping's payload."""
    for _ in range(minutes):
        scene.pass_ms(MINUTE_MS)
        for payload in scene.pings(link):
            scene.context.take_control(link, scene.now_ms, payload)


def test_a_link_is_cut_after_24_hours(scene: ContextStage) -> None:
    """However well it behaves."""
    link = scene.open()
    answer_pings(scene, link, 24 * 60 - 1)
    assert scene.context.links() == (link,)
    scene.pass_ms(MINUTE_MS)
    assert scene.context.links() == ()
    assert scene.context.links_seen()[-1].what == "closed 1001 24 hours"


def test_the_exchange_pings_every_three_minutes(scene: ContextStage) -> None:
    """Each time with another payload, if the last was answered."""
    link = scene.open()
    seen = []
    for _ in range(3):
        scene.pass_ms(3 * MINUTE_MS)
        (payload,) = scene.pings(link)
        scene.context.take_control(link, scene.now_ms, payload)
        seen.append(payload)
    assert len(set(seen)) == 3


@pytest.mark.parametrize("pong", [b"", b"other", None])
def test_only_a_copy_of_the_ping_answers_it(scene: ContextStage, pong: bytes | None) -> None:
    """An empty pong is the reported cause of drops: ten minutes after the ping the link is closed."""
    link = scene.open()
    scene.pass_ms(3 * MINUTE_MS)
    scene.context.take_control(link, scene.now_ms, pong)
    scene.pass_ms(10 * MINUTE_MS - 1)
    assert scene.ends(link) == []
    scene.pass_ms(1)
    assert scene.ends(link) == [Close(link.socket_id, 1008, "Pong timeout")]


def test_an_answered_ping_does_not_judge_the_next(scene: ContextStage) -> None:
    """Each ping has ten minutes of its own."""
    link = scene.open()
    answer_pings(scene, link, 3)
    scene.pass_ms(10 * MINUTE_MS)  # the first ping's time is over, the second has three minutes left
    assert scene.context.links() == (link,)
    scene.pass_ms(3 * MINUTE_MS)
    assert scene.context.links() == ()


def test_pongs_that_were_asked_for_are_no_flood() -> None:
    """However often the exchange pings."""
    scene = context_stage(ping_every_ms=50)
    link = scene.open()
    for _ in range(20):
        scene.pass_ms(50)
        (payload,) = scene.pings(link)
        scene.context.take_control(link, scene.now_ms, payload)
    assert scene.context.links() == (link,)


def test_a_slow_peer_may_answer_a_ping_as_often_as_it_came() -> None:
    """An unanswered ping comes again with its payload; the pongs of all of them are no flood."""
    scene = context_stage(ping_every_ms=50)
    link = scene.open()
    scene.pass_ms(500)
    for payload in scene.pings(link):
        scene.context.take_control(link, scene.now_ms, payload)
    assert scene.context.links() == (link,)


def test_more_than_five_pings_a_second_are_a_flood(scene: ContextStage) -> None:
    """Five are taken; the sixth ends the link."""
    link = scene.open()
    for _ in range(5):
        scene.context.take_control(link, scene.now_ms, None)
    assert scene.ends(link) == []
    scene.context.take_control(link, scene.now_ms, None)
    assert scene.ends(link) == [Close(link.socket_id, 1008, "Too many requests")]


def test_a_stream_takes_ten_messages_a_second(scene: ContextStage) -> None:
    """The eleventh ends it; a WebSocket API has weights instead."""
    stream, api = scene.open(PRIVATE), scene.open()
    request = {"id": 1, "method": "LIST_SUBSCRIPTIONS"}
    for _ in range(10):
        scene.write(stream, request)
    assert scene.ends(stream) == []
    scene.write(stream, request)
    assert len(scene.ends(stream)) == 1
    for _ in range(20):
        scene.write(api, request)
    assert scene.ends(api) == []


def test_messages_over_a_longer_time_are_no_flood(scene: ContextStage) -> None:
    """A hundred, ten a second."""
    stream = scene.open(PRIVATE)
    for _ in range(100):
        scene.write(stream, {"id": 1, "method": "LIST_SUBSCRIPTIONS"})
        scene.pass_ms(100)
    assert scene.ends(stream) == []


def test_three_hundred_connects_in_five_minutes(scene: ContextStage) -> None:
    """The next is told when to come again, and then gets in."""
    for _ in range(300):
        scene.context.leave(scene.open(PRIVATE), scene.now_ms)
    refused = scene.context.knock(PRIVATE, {}, scene.now_ms)
    assert refused == Refusal(429, "refused", 300)
    scene.pass_ms(5 * MINUTE_MS)
    scene.open(PRIVATE)


@pytest.mark.parametrize(("path", "count"), [(FUTURES, 5 + 2), (SPOT, 2 + 2)])
def test_handshakes_have_a_weight(scene: ContextStage, path: str, count: int) -> None:
    """A handshake and the first status, in each product's own budget."""
    assert scene.ask(scene.open(path), "session.status")["rateLimits"][0]["count"] == count


def test_a_refused_handshake_is_recorded(scene: ContextStage) -> None:
    """With its status; the weights and connects of the fault's victims stay small."""
    scene.scene.world.inject(Fault("link_status", link="futures_api", status=451, count=1), scene.now_ms)
    assert isinstance(scene.context.knock(FUTURES, {}, scene.now_ms), Refusal)
    assert [seen.what for seen in scene.context.links_seen()] == ["refused 451"]


@pytest.mark.parametrize(("code", "effect"), [(0, Abort), (1012, Close)])
def test_links_may_be_cut(scene: ContextStage, code: int, effect: type) -> None:
    """Of one kind: reset, or closed with a code; what is cut hears nothing more."""
    api, other = scene.open(), scene.open(SPOT)
    assert scene.act("cut_links", link="futures_api", code=code) == {"cut": 1}
    assert [type(end) for end in scene.ends(api)] == [effect]
    assert scene.write(api, {"id": 1, "method": "session.status"}) == []
    assert scene.context.links() == (other,)


@pytest.mark.parametrize("path", ["/ws-fapi/v2", "/ws-fapi", "/ws-api/v2", "/private", "/private/x", "/chat"])
def test_no_socket_is_served_elsewhere(scene: ContextStage, path: str) -> None:
    """404."""
    assert scene.context.knock(path, {}, scene.now_ms) == Refusal(404, "no socket here")


def test_a_link_listens_to_so_many_keys(scene: ContextStage) -> None:
    """200; those beyond are acknowledged and not heard."""
    stream = scene.open("/private/stream")
    scene.write(stream, {"method": "SUBSCRIBE", "params": [f"key-{number}" for number in range(150)], "id": 1})
    scene.write(stream, {"method": "SUBSCRIBE", "params": [f"other-{number}" for number in range(150)], "id": 2})
    assert len(stream.keys) == 200


def test_the_exchange_can_hurry(tmp_path: Path) -> None:
    """All its long times become shorter alike, and nothing else changes."""
    usual = options(tmp_path)
    quick = hurried(usual, 1000)
    times = (quick.link_life_ms, quick.ping_every_ms, quick.pong_within_ms, quick.listen_key_life_ms)
    assert times == (86_400, 180, 600, 3600)
    assert hurried(usual, 1) == usual
    for wrong in (0, 100_001):
        with pytest.raises(ValueError, match="hurry"):
            hurried(usual, wrong)


def test_leaving_twice_is_one_end(scene: ContextStage) -> None:
    """The shell may say it again."""
    link = scene.open()
    scene.context.leave(link, scene.now_ms)
    scene.context.leave(link, scene.now_ms)
    assert [seen.what for seen in scene.context.links_seen()] == ["opened", "left"]
