"""Whatever a peer sends and whatever happens to an account, the world stands and keeps its bounds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from p2pbot.sandbox import Fault
from p2pbot.sandbox.links import LinkKind
from p2pbot.sandbox.ws_methods import METHODS
from tests.sandbox.context_stage import API_KEYS, FUTURES, PRIVATE, SPOT, ContextStage, context_stage
from tests.sandbox.keys import ED_NAME, ws_signature

NAMES = sorted({name for methods in METHODS.values() for name in methods})
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2)
PARAMS = st.dictionaries(
    st.sampled_from(["apiKey", "timestamp", "recvWindow", "signature", "symbol", "orderId", "subscriptionId", "x"]),
    VALUES,
    max_size=4,
)
FRAMES = st.builds(
    lambda number, method, params: json.dumps({"id": number, "method": method, "params": params}),
    VALUES,
    st.sampled_from([*NAMES, "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", ""]),
    PARAMS | st.lists(VALUES, max_size=3),
)
DEEDS = st.sampled_from(
    [
        ("set_balance", {"account": "main", "asset": "USDT", "amount": "1"}),
        ("set_spot_balance", {"account": ED_NAME, "asset": "USDT", "free": "1"}),
        ("place_futures_order", {"account": "main", "symbol": "BTCUSDT"}),
        ("margin_call", {"account": "main", "symbol": "BTCUSDT"}),
        ("expire_listen_key", {"account": "main"}),
        ("expire_listen_key", {"account": "main", "source": "spot", "silently": True}),
        ("revoke_key", {"account": ED_NAME}),
        ("restore_key", {"account": ED_NAME}),
        ("cut_links", {"account": "main"}),
        ("shut_down", {"link": "spot_api", "grace_ms": 10}),
    ]
)
STEPS = st.one_of(
    st.tuples(st.just("frame"), FRAMES | st.text(max_size=50) | st.binary(max_size=20)),
    st.tuples(st.just("pong"), st.none() | st.binary(max_size=20)),
    st.tuples(st.just("wait"), st.integers(0, 4_000_000)),
    st.tuples(st.just("deed"), DEEDS),
    st.tuples(st.just("path"), st.sampled_from([FUTURES, SPOT, PRIVATE, "/private/stream", "/ws", "/public/ws"])),
    st.tuples(st.just("logon"), st.none()),
    st.tuples(st.just("fault"), st.sampled_from(["ws_api_lost", "ws_api_html", "event_twice", "event_noise"])),
)


def take(scene: ContextStage, link: Any, kind: str, value: Any) -> Any:
    """Take one step; return the link that the next ones use."""
    if kind == "frame":
        scene.context.take_frame(link, value, scene.now_ms)
    elif kind == "pong":
        scene.context.take_control(link, scene.now_ms, value)
    elif kind == "wait":
        scene.pass_ms(value)
    elif kind == "deed":
        scene.act(value[0], **value[1])
    elif kind == "path":
        return scene.open(value, listenKey=scene.context.listen_key("main", "futures", scene.now_ms))
    elif kind == "fault":
        scene.scene.world.inject(Fault(value, count=1), scene.now_ms)
    else:
        params = {"apiKey": API_KEYS[ED_NAME], "timestamp": scene.now_ms}
        params["signature"] = ws_signature(ED_NAME, params)
        frame = json.dumps({"id": 1, "method": "session.logon", "params": params})
        scene.context.take_frame(link, frame, scene.now_ms)
    return link


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_no_order_of_events_breaks_the_world(steps: list[tuple[str, Any]]) -> None:
    """No exception, and every effect belongs to a link that was opened."""
    scene = context_stage()
    link = scene.open()
    for kind, value in steps:
        link = take(scene, link, kind, value)
    opened = {seen.socket_id for seen in scene.context.links_seen() if seen.what == "opened"}
    effects = scene.scene.world.take_effects()
    assert {effect.socket_id for effect in effects} <= opened
    assert all(each.socket_id in opened for each in scene.context.links())


@settings(max_examples=100, deadline=None)
@given(FRAMES | st.text(max_size=100) | st.binary(max_size=100), st.sampled_from([FUTURES, SPOT]))
def test_each_frame_has_one_answer(frame: str | bytes, path: str) -> None:
    """A request over a WebSocket API is answered once, whatever it is; a success only if its method is known."""
    scene = context_stage()
    link = scene.open(path)
    answers = [row for row in scene.write(link, frame) if "event" not in row]
    assert len(answers) == 1
    status = answers[0]["status"]
    assert status == 200 or "error" in answers[0]
    assert len(scene.context.calls()) == 1
    known = METHODS[LinkKind.SPOT_API if path == SPOT else LinkKind.FUTURES_API]
    assert status != 200 or scene.context.calls()[0].method in known
