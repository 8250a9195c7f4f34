"""Chat frames as they come off the socket, system cards, and what is kept of frames that nobody understands."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from p2pbot.conversation.decision import message_key
from p2pbot.conversation.inbox import sender_reason
from p2pbot.model import ChatMessage, SystemEvent, SystemEventKind, Unknown
from p2pbot.protocol.frames import KEPT_CHARS, Frame, Noise, parse_frame
from p2pbot.protocol.redaction import MAX_KEPT_CHARS, redact_frame
from p2pbot.protocol.system_events import read_system_event
from tests.fuzz.corpus import CARDS, EVENTS, FRAMES, LISTEN_TOKEN, SECRETS
from tests.fuzz.mutation import harmed_json, harms, pick, trees
from tests.fuzz.shapes import check, text_ok
from tests.fuzz.target import Input, Target

_FRAMES = trees(*FRAMES, {**FRAMES[0], "content": f"here: {LISTEN_TOKEN}", "listenToken": LISTEN_TOKEN})
_CONTENTS = trees(*(json.loads(card["content"]) for card in CARDS))
_PERSONAL = ("text", "image")


def a_frame(rng: Random) -> str:
    """Return one frame, harmed or not."""
    return harmed_json(_FRAMES[int(rng.random() * len(_FRAMES))], rng)


def may_be_answered(raw: str) -> bool:
    """Whether a frame is a person's word to us, read without the code under test: sound JSON that says so itself."""
    try:
        frame: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        return False
    told = frame.get("self")
    not_us = told is False or (isinstance(told, str) and told.lower() == "false")
    numbered = any(isinstance(frame.get(key), str | int) for key in ("orderNo", "topicId"))
    return frame["type"].strip().lower() in _PERSONAL and not_us and numbered


def _judge_frame(given: Input) -> str:
    raw = given[0]
    frame = parse_frame(raw)
    check(frame, Frame)
    match frame:
        case Unknown(raw=kept):
            assert isinstance(kept, str)
            assert len(kept) <= KEPT_CHARS
            return "unknown"
        case Noise(kind):
            text_ok(kind, "noise", 64)
            return f"noise {kind}"
        case ChatMessage():
            assert frame.order_no, "a message without its order"
            text_ok(message_key(frame), "key", 300)
            reason = sender_reason(frame)
            assert reason is not None or may_be_answered(raw), "not a person's message, and answerable"
            card = f" {frame.system.kind}" if frame.system else ""
            return f"{frame.kind}{card} {reason} id={bool(frame.message_id)} {frame.from_us} {bool(frame.image)}"
    assert frame.uuid, "a refusal of nothing"
    return f"refusal {bool(frame.sub_type)}"


def _redaction_of(rng: Random) -> Input:
    return (a_frame(rng),)


def _judge_redaction(given: Input) -> str:
    raw = given[0]
    line = redact_frame(raw)
    text_ok(line, "redacted", MAX_KEPT_CHARS)
    assert line.isprintable() or not line.strip(), f"moves the cursor: {line!r}"
    assert not any(secret in line for secret in SECRETS), "a token was kept"
    for said in ("I paid", "IVAN", "оплатила", "Buyer 7", "a person of ours"):
        assert said not in line, f"a person's words were kept: {line}"
    return line.partition(" ")[0] if line.startswith("<") else f"shape {line.count(':') // 4} {'…' in line}"


def _a_card(rng: Random) -> Input:
    if rng.random() < 0.3:
        tail = "".join(
            pick(rng, ("_with_ref", "_fiat_trade", "_appeal", "_completed")) for _ in range(rng.randrange(4))
        )
        return (json.dumps({"type": harms(pick(rng, EVENTS) + tail, rng, 2), "orderNo": "1"}),)
    return (harmed_json(_CONTENTS[int(rng.random() * len(_CONTENTS))], rng, 3),)


def _judge_card(given: Input) -> str:
    content = given[0]
    event = read_system_event(content)
    check(event, SystemEvent)
    text_ok(event.raw_type, "raw_type", 100)
    try:
        card = json.loads(content)
    except (ValueError, RecursionError):
        card = None
    assert isinstance(card, dict) or event == SystemEvent(kind=SystemEventKind.UNKNOWN, raw_type=""), "out of nothing"
    if isinstance(card, dict):
        assert read_system_event(card) == event, "text and object differ"
        if event.kind is not SystemEventKind.UNKNOWN and len(event.raw_type) < 80:
            longer = read_system_event({**card, "type": f"{event.raw_type.strip()}_with_ref"})
            assert longer.kind is event.kind, "a suffix changed the event"
    return f"{event.kind} {event.our_side} {bool(event.order_no)}"


FRAME = Target("frame", lambda rng: (a_frame(rng),), _judge_frame)
CARD = Target("card", _a_card, _judge_card)
REDACTION = Target("redaction", _redaction_of, _judge_redaction)
