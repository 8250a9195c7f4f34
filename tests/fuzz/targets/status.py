"""The status file as ``p2pbot status`` reads it: written by our own daemon, and by a disk that was full."""

from __future__ import annotations

import json
from pathlib import Path

from p2pbot.cli.status import Report, _document, _number, _page, life_of
from tests.fuzz.corpus import NOW_MS
from tests.fuzz.mutation import harmed_json, trees
from tests.fuzz.shapes import text_ok
from tests.fuzz.target import Input, Target

_ACCOUNT = {
    "chat": "open",
    "since_ms": NOW_MS - 5_000,
    "deaf_since_ms": None,
    "mode": "live",
    "rules": "0123456789abcdef",
    "open_orders": 3,
    "pending": {"claimed": 1, "sending": 0, "unknown": 1},
    "unknown": 1,
    "desk_waiting": 0,
    "last_message_at_ms": NOW_MS - 60_000,
    "offset_ms": -3,
    "paused": False,
    "frames": {"text": 5},
    "not_understood": ["{}"],
    "notes": ["the chat is down"],
}
_STATUS = trees(
    {
        "version": "0.1.0",
        "pid": 123,
        "started_at_ms": NOW_MS - 90_000,
        "written_at_ms": NOW_MS - 500,
        "accounts": {"main": _ACCOUNT, "shop-2": _ACCOUNT},
    }
)[0]


def _judge(given: Input) -> str:
    try:
        status = json.loads(given[0])
    except (ValueError, RecursionError):
        return "unreadable"
    if not isinstance(status, dict):
        return "no object"
    life = life_of(status, NOW_MS, lives=len(given[0]) % 4 != 0)
    report = Report(life=life, now_ms=NOW_MS, state_dir=Path("/var/lib/p2pbot"), status=status)
    page = "\n".join(_page(report))
    text_ok(page, "page", 200_000)
    assert "\x1b" not in page, "the cursor moves"
    json.dumps(_document(report))
    assert isinstance(_number(status, "pid"), int)
    return f"{life} {report.healthy} {page.count(chr(10)) // 2}"


STATUS = Target("status", lambda rng: (harmed_json(_STATUS, rng),), _judge)
