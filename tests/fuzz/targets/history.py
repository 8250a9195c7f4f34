"""Whole walks over history pages: an honest server whose rows are harmed, and one that sends what it likes."""

from __future__ import annotations

import json
from functools import lru_cache
from random import Random
from typing import Any

from p2pbot.conversation.history import Reading
from p2pbot.model import ChatMessage
from p2pbot.protocol import calls
from p2pbot.protocol.envelope import HttpAnswer, read_envelope
from p2pbot.protocol.frames import parse_history_row
from tests.fuzz import corpus
from tests.fuzz.corpus import HISTORY_KINDS, NOW_MS, ORDER, enveloped
from tests.fuzz.mutation import harmed_json, pick, trees
from tests.fuzz.shapes import check
from tests.fuzz.target import Input, Target
from tests.fuzz.targets.rest import REFUSALS, body_of
from tests.fuzz.trees import Leaf, Pairs, Tree

MOST_PAGES = 20
MOST_MESSAGES = 2_000  # what the desk takes in of one order
_ROW = trees(corpus.TEXT)[0]
_PAGES = trees(*(enveloped([corpus.TEXT, *corpus.FRAMES[1:at]], total=at) for at in (1, 2, 4)))
_PAGE_SIZES = ("20", "50", "100")
_INSIDE = "[0," * 50  # a row that nests to the parser's very limit breaks the page that it stands on


def _row(number: int, rng: Random) -> str:
    """Return a row of the talk; its place is ``number``, whatever it shows."""
    assert isinstance(_ROW, Pairs)
    told = {"id": json.dumps(str(number)), "type": json.dumps(pick(rng, HISTORY_KINDS))}
    told["createTime"] = str(NOW_MS + number * 1000)
    row: Tree = Pairs(tuple((key, Leaf(told.get(key, value.text))) for key, value in _ROW.items))
    return harmed_json(row, rng, 2) if rng.random() < 0.2 else row.text


def _a_talk(rng: Random) -> Input:
    count = int(rng.random() ** 3 * 70)
    rows = tuple(_row(number, rng) for number in range(1, count + 1))
    return (pick(rng, _PAGE_SIZES), str(int(rng.random() * (count + 1))), *rows)


def _judge_talk(given: Input) -> str:
    """Read a talk as a server gives it that knows each row's true place, whatever the row shows of it."""
    if given[0] not in _PAGE_SIZES or not given[1].isdigit():
        return "no talk"
    size, since_ms, rows = int(given[0]), NOW_MS + int(given[1]) * 1000, given[2:]
    reading = Reading(since_ms=since_ms)
    while not reading.done:
        below = int(reading.below_id) if reading.below_id else len(rows) + 1
        shown = rows[max(0, below - 1 - size) : max(0, below - 1)][::-1]
        body = (
            f'{{"code":"000000","data":[{",".join(row if _sound(row) else "null" for row in shown)}],"success":true}}'
        )
        reading = _next(reading, body)
    _judge_reading(reading)
    if reading.truncated or any(_lies(row, number) for number, row in enumerate(rows, 1)):
        return f"pages {reading.pages} truncated {reading.truncated}"
    found = set(reading.messages)
    for row in rows:
        message = _read(row)
        if message and message.created_at_ms >= since_ms:
            assert message in found, "a message was left out, and nobody said so"
    return f"pages {reading.pages} whole"


@lru_cache(4096)
def _read(row: str) -> ChatMessage | None:
    return parse_history_row(json.loads(row, parse_float=str), ORDER) if _sound(row) else None


@lru_cache(4096)  # most rows of a talk are sound, and come again in the next
def _sound(row: str) -> bool:
    try:
        row.encode()
        json.loads(row, parse_float=str)
        json.loads(_INSIDE + row + "]" * 50, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


@lru_cache(4096)
def _lies(row: str, number: int) -> bool:
    """Whether a row shows an id or an order that is not its own: then nobody could page by it."""
    try:
        shown: Any = json.loads(row)
    except (ValueError, RecursionError):
        return False
    if not isinstance(shown, dict):
        return False
    told = shown.get("id")
    strange = not isinstance(told, str | int) or isinstance(told, bool) or str(told).strip() not in ("", str(number))
    return (told is not None and strange) or str(shown.get("createTime")) != str(NOW_MS + number * 1000)


def _next(reading: Reading, body: str) -> Reading:
    request = calls.history(ORDER, below_id=reading.below_id)
    http = HttpAnswer(status=200, body=body_of(body), asked_at_ms=NOW_MS, received_at_ms=NOW_MS)
    page = request.parse(read_envelope(http))
    return reading.page(page.messages, page.rows, page.lowest_id)


def _judge_reading(reading: Reading) -> None:
    check(reading.messages, tuple[ChatMessage, ...])
    assert reading.pages <= MOST_PAGES, f"{reading.pages} calls for one order"
    assert len(reading.messages) <= MOST_MESSAGES, f"{len(reading.messages)} messages of one order"
    assert all(message.order_no == ORDER for message in reading.messages), "a message of another order"


def _some_pages(rng: Random) -> Input:
    count = 1 + int(rng.random() ** 2 * 4)
    return tuple(harmed_json(_PAGES[int(rng.random() * len(_PAGES))], rng) for _ in range(count))


def _judge_pages(given: Input) -> str:
    """Read pages that follow no rule, the last one for ever: it must end, whatever the cursor says."""
    reading, at = Reading(since_ms=NOW_MS - 60_000), 0
    while not reading.done:
        try:
            reading = _next(reading, _stretched(given[min(at, len(given) - 1)]))
        except REFUSALS as error:
            return f"{type(error).__name__} after {min(at, 3)}"
        at += 1
    _judge_reading(reading)
    return f"pages {reading.pages} truncated {reading.truncated} {min(len(reading.messages), 9)}"


def _stretched(body: str) -> str:
    """Return the page with its last row many times over, so that it looks full."""
    head, mark, tail = body.rpartition("}],")
    opened = head.rfind(",{")
    row = head[opened:] + "}" if mark and opened >= 0 else ""
    times = 900 if len(body) % 500 == 0 else 20  # seldom: reading so long a page is dear
    return f"{head}}}{row * times}],{tail}" if row and len(row) < 2000 else body


TALK = Target("history-walk", _a_talk, _judge_talk)
PAGES = Target("history-pages", _some_pages, _judge_pages)
