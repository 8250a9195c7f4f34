"""Lines at the control socket: what our own commands write, harmed; whoever may connect may send anything."""

from __future__ import annotations

from p2pbot.conversation.control import (
    MAX_LINE_BYTES,
    Ask,
    Refusal,
    Request,
    answer_line,
    parse_answer,
    parse_request,
    request_line,
)
from p2pbot.protocol.outbound import MAX_CHAT_TEXT_CHARS
from tests.fuzz.mutation import harmed_json, trees
from tests.fuzz.shapes import text_ok
from tests.fuzz.target import Input, Target

_LINES = trees(
    {
        "ask": "send",
        "order": "204",
        "account": "main",
        "text": "One moment.\n请稍等",
        "key": "8e0c2f5a-0000-4000-8000-1",
    },
    {"ask": "mute", "order": "204", "account": "*", "for_ms": 7_200_000},
    {"ask": "pause", "account": "main", "order": "*"},
    {"ask": "drop", "seq": 17},
    {"ask": "forget", "who": "Anna", "account": "*"},
    {"ask": "status"},
)


def _judge(given: Input) -> str:
    line = given[0].encode("utf-8", "surrogatepass")
    parse_answer(line)
    request = parse_request(line)
    if isinstance(request, Refusal):
        text_ok(request.what, "refusal", 400)
        assert parse_answer(answer_line(request)) == request
        return f"refused: {request.what[:12]}"
    assert isinstance(request, Request)
    assert request.ask in set(Ask)
    assert len(request.text) <= MAX_CHAT_TEXT_CHARS
    request.text.encode()
    again = request_line(request)
    assert len(again) <= MAX_LINE_BYTES
    assert again.count(b"\n") == 1, "a request has become two"
    assert parse_request(again) == request
    return f"{request.ask} {len(request.text) // 10}"


CONTROL = Target("control", lambda rng: (harmed_json(rng.choice(_LINES), rng),), _judge)
