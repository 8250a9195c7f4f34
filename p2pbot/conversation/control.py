"""What a person may ask of the running daemon: one JSON object a line, and one line as the answer.

Promise: a line becomes a ``Request`` that needs no second look, or a ``Refusal`` that says what is wrong; unknown words
and unknown keys are refusals, never guesses. An answer is ``{"ok": true, …}`` or ``{"ok": false, "what": …}``.
Danger: ``text`` is what a person will read in the chat; its ``repr`` hides it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from p2pbot.conversation.records import Action, InboxEntry, OutboxRow
from p2pbot.protocol.outbound import MAX_CHAT_TEXT_CHARS

ALL = "*"
MAX_LINE_BYTES = 16 * 1024  # a request: a text of 1000 characters has at most 12,000 bytes as JSON
MAX_ANSWER_BYTES = 8 * 1024 * 1024  # an answer: an order's newest thousand messages, with their traces cut off
_ACCOUNT = re.compile(r"\*|[a-z0-9-]{1,32}")
_ORDER = re.compile(r"\*|[0-9A-Za-z_-]{1,64}")
_KEY = re.compile(r"[0-9A-Za-z-]{8,64}")
_WHO = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_LONGEST_MUTE_MS = 30 * 86_400_000
_MOST_SEQ = 2**63 - 1
# Line breaks are fine; half a surrogate pair is no text, and marks of direction show other words than are sent.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Ask(StrEnum):
    """What can be asked."""

    STATUS = "status"
    WHY = "why"
    PAUSE = "pause"
    RESUME = "resume"
    MUTE = "mute"
    UNMUTE = "unmute"
    SEND = "send"
    OUTBOX = "outbox"
    RETRY = "retry"
    DROP = "drop"
    RELOAD = "reload"
    FORGET = "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One wish. ``"*"`` as account or order is all of them.

    ``key``: the sender's name for a wish that must not be carried out twice. ``seq``: a reply's number.
    ``for_ms`` None: until the order ends or somebody lifts it. ``who``: an order or a counterparty to forget.
    """

    ask: Ask
    account: str = ALL
    order: str = ALL
    text: str = field(default="", repr=False)
    key: str = ""
    seq: int = 0
    for_ms: int | None = None
    who: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish is not carried out, in a sentence, and what to do instead (may be empty)."""

    what: str
    remedy: str = ""


Answer = Mapping[str, Any] | Refusal


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_CHAT_TEXT_CHARS:
        return False
    return bool(value.strip()) and not _CONTROL.search(value)


def _word(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _number(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value <= high


_FIELDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "account": (_word(_ACCOUNT), "an account's name, or * for all"),
    "order": (_word(_ORDER), "an order's number, or * for all"),
    "text": (_is_text, f"a text of 1 to {MAX_CHAT_TEXT_CHARS} characters without control characters"),
    "key": (_word(_KEY), "8 to 64 letters, digits and hyphens"),
    "seq": (_number(1, _MOST_SEQ), "a reply's number, as `p2pbot outbox` shows it"),
    "for_ms": (_number(60_000, _LONGEST_MUTE_MS), "a time between a minute and 30 days, in milliseconds"),
    "who": (_word(_WHO), "an order's number or a counterparty's nickname"),
}
# What each may name; what it must name stands before the bar.
_TAKES: dict[Ask, tuple[frozenset[str], frozenset[str]]] = {
    ask: (frozenset(must.split()), frozenset(must.split()) | frozenset(may.split()))
    for ask, must, may in (
        (Ask.STATUS, "", ""),
        (Ask.WHY, "order", ""),
        (Ask.PAUSE, "", "account order"),
        (Ask.RESUME, "", "account order"),
        (Ask.MUTE, "order", "account for_ms"),
        (Ask.UNMUTE, "order", "account"),
        (Ask.SEND, "order text key", "account"),
        (Ask.OUTBOX, "", "account order"),
        (Ask.RETRY, "seq", ""),
        (Ask.DROP, "seq", ""),
        (Ask.RELOAD, "", ""),
        (Ask.FORGET, "who", "account"),
    )
}
_ONE_ORDER = frozenset({Ask.MUTE, Ask.UNMUTE, Ask.SEND, Ask.WHY})


def parse_request(line: bytes) -> Request | Refusal:
    """Return what a line asks for."""
    given = _object(line)
    if given is None:
        return Refusal("a request is one JSON object on a line")
    word = given.pop("ask", None)
    if not isinstance(word, str) or word not in set(Ask):
        return Refusal("this is nothing that can be asked", remedy=f"ask: {', '.join(Ask)}")
    fault = _fault(Ask(word), given)
    return Refusal(fault) if fault else Request(ask=Ask(word), **given)


def _fault(ask: Ask, given: Mapping[str, Any]) -> str:
    """Return what is wrong with a request's fields, or an empty text."""
    must, may = _TAKES[ask]
    if strange := sorted(given.keys() - may):
        return f"`{ask}` has no `{strange[0][:40].encode('ascii', 'backslashreplace').decode()}`"
    if missing := sorted(must - given.keys()):
        return f"`{ask}` needs `{missing[0]}`"
    for name, value in given.items():
        is_right, expected = _FIELDS[name]
        if not is_right(value):
            return f"`{name}` must be {expected}"
    return f"`{ask}` is for one order" if ask in _ONE_ORDER and given["order"] == ALL else ""


def request_line(request: Request) -> bytes:
    """Return the line that asks for it; ``parse_request`` gives the same request back."""
    may = _TAKES[request.ask][1]
    given = {name: getattr(request, name) for name in sorted(may) if getattr(request, name) is not None}
    return _line({"ask": request.ask.value, **given})


def answer_line(answer: Answer) -> bytes:
    """Return the line of an answer; one that would be too long is a refusal."""
    if isinstance(answer, Refusal):
        return _line({"ok": False, "what": answer.what, "remedy": answer.remedy})
    line = _line({"ok": True, **answer})
    if len(line) > MAX_ANSWER_BYTES:
        return answer_line(Refusal("the answer is too long", remedy="ask for less"))
    return line


def parse_answer(line: bytes) -> Answer:
    """Return what an answer says; one that cannot be read is a refusal."""
    given = _object(line)
    if given is None or not isinstance(given.get("ok"), bool):
        return Refusal("the daemon's answer cannot be read", remedy="are both of the same version?")
    if given.pop("ok"):
        return given
    return Refusal(str(given.get("what", "")), remedy=str(given.get("remedy", "")))


def told_entry(entry: InboxEntry) -> dict[str, Any]:
    """Return a decided message as plain values, without its text."""
    return {name: value for name, value in asdict(entry).items() if name != "text"}


def told_reply(row: OutboxRow) -> dict[str, Any]:
    """Return a reply as plain values, without its text and where its picture lies."""
    return {name: value for name, value in asdict(row).items() if name not in ("text", "image_url", "picture")}


def told_action(action: Action) -> dict[str, Any]:
    """Return an action as plain values."""
    return asdict(action)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
