"""Inputs made to explode: nesting, repetition, numbers without end, in sizes from 8 KB up.

Promise: a door's cost grows with the size of what comes in, not with its square. ``report`` measures CPU time by hand;
the suite counts the calls that Python makes, which no busy machine changes.
Danger: a loop inside a C library is one call to the counter; only ``report`` sees it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from math import log2
from pathlib import Path

from p2pbot.adapters.redaction import escape, scrub, shorten
from p2pbot.config import Places, parse_settings
from p2pbot.conversation.inbox import machine_reason
from p2pbot.conversation.records import SaidText, Talk
from p2pbot.errors import P2pbotError
from p2pbot.model import ChatMessage, MessageKind
from p2pbot.model import Path as How
from p2pbot.protocol.envelope import HttpAnswer, read_envelope, retry_after_s
from p2pbot.protocol.frames import parse_frame
from p2pbot.protocol.redaction import redact_frame
from p2pbot.protocol.refusals import quoted
from p2pbot.protocol.system_events import read_system_event
from p2pbot.rules.folding import fold, visible
from p2pbot.rules.given import given_facts
from p2pbot.rules.languages import guess_language
from p2pbot.rules.replies import split_text
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.templates import compile_text
from tests.fuzz.corpus import NOW_MS, ORDER

Bomb = Callable[[int], str]
_PLACES = Places(base=Path("/etc/p2pbot"), home=Path("/home/p"), state_dir=Path("/var/lib/p2pbot"))


def _repeated(piece: str, before: str = "", behind: str = "") -> Bomb:
    return lambda size: before + piece * (size // len(piece)) + behind


def _numbered(piece: str, before: str = "", behind: str = "") -> Bomb:
    return lambda size: before + "".join(piece.format(at) for at in range(size // (len(piece) + 3))) + behind


def _as_content(bomb: Bomb) -> Bomb:
    return lambda size: _FRAME + json.dumps(bomb(size)) + "}"


_FRAME = f'{{"type":"text","self":false,"orderNo":"{ORDER}","id":"1","content":'
TEXTS: dict[str, Bomb] = {
    "letters": _repeated("a"),
    "words": _repeated("a "),
    "blanks": _repeated(" "),
    "lines": _repeated("\n"),
    "half pairs": _repeated("\ud800"),
    "NUL": _repeated("\x00"),
    "marks": _repeated("\u0301", "e"),
    "ligatures": _repeated("\ufdfa"),
    "unseen": _repeated("\u200b"),
    "addresses": _repeated("://a/"),
    "logins": _repeated("://a:b@"),
    "breaks": _repeated("<br"),
    "wide break": _repeated(" ", "<br", "/x"),
    "digits": _repeated("9"),
    "sentences": _repeated("a. "),
    "quotes": _repeated('"'),
    "escapes": _repeated("\\"),
}
JSON: dict[str, Bomb] = {
    "lists": _repeated("["),
    "objects": _repeated('{"a":'),
    "closed lists": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "digits": _repeated("9"),
    "exponent": _repeated("9", "1e"),
    "fraction": _repeated("3", "0."),
    "one key": _repeated('"content":1,', '{"type":"text",', '"x":1}'),
    "keys": _numbered('"k{}":1,', '{"type":"text",', '"x":1}'),
    "rows": _repeated("{},", '{"code":"000000","success":true,"data":[', "{}]}"),
    "text in text": lambda size: json.dumps(json.dumps("{" * (size // 2))),
    **{f"content: {name}": _as_content(bomb) for name, bomb in TEXTS.items()},
}
YAML: dict[str, Bomb] = {
    "keys on one line": _repeated("a: "),
    "items on one line": _repeated("- "),
    "questions": _repeated("? "),
    "lists": _repeated("["),
    "objects": _repeated("{a: "),
    "one key": _repeated("a: 1\n"),
    "keys": _numbered("k{}: 1\n"),
    "rules": _numbered("  - {{id: r{}, words: w, reply: x}}\n", "version: 1\nrules:\n"),
    "broken rules": _numbered("  - {{id: r{}, wrods: w, when: {{side: sel}}}}\n", "version: 1\nrules:\n"),
    "same rules": _repeated("  - {id: a, words: w, reply: x}\n", "version: 1\nrules:\n"),
    "bad zones": _numbered("  z{}: {{zone: Nowhere, hours: '1'}}\n", "version: 1\nwindows:\n"),
    "words": _numbered("w{}, ", "version: 1\nrules:\n  - {id: a, reply: x, words: [", "w]}\n"),
    "lists of words": _numbered("  l{}: [a, b]\n", "version: 1\nlists:\n"),
    "secrets": _repeated("api_secret:\n  x\n"),
    "indents": lambda size: "".join(" " * at + "a:\n" for at in range(int((2 * size) ** 0.5))),
    "documents": _repeated("---\n"),
    "anchors": _repeated("&a "),
    "aliases": _repeated("- *a\n"),
    "tags": _repeated("!!a "),
    "quotes": _repeated("'"),
    "comments": _repeated("#"),
    "plain text": _repeated("a b #c ", "a: "),
    "logins": _repeated("a: x://u:p@h\n"),
    **TEXTS,
}
TEMPLATES: dict[str, Bomb] = {
    "openings": _repeated("{{ "),
    "ifs": _repeated("{% if order.x %}"),
    "closed ifs": _repeated("{% if order.number %}a{% endif %}"),
    "ors": _repeated("a or ", "{{ ", "a }}"),
    "nots": _repeated("not ", "{{ ", "a }}"),
    "brackets": _repeated("(", "{{ "),
    "filters": _repeated("|upper", "{{ order.number", " }}"),
    "comparisons": _repeated(" < 1", "{{ 1", " }}"),
    "number": _repeated("9", "{{ ", " }}"),
    "exponent": _repeated("9", "{{ 1e", " }}"),
    "values": _repeated("{{ message.text }}"),
    "elifs": _repeated("{% elif order.number %}a", "{% if order.number %}", "{% endif %}"),
}


def _text_doors(text: str) -> None:
    fold(text)
    visible(text)
    guess_language(text)
    escape(shorten(scrub(text), 2000))
    quoted(text)
    for _ in split_text(text[:20_000]):
        pass
    said = SaidText(text=text[:1000], at_ms=NOW_MS, written_at_ms=NOW_MS)
    message = ChatMessage(order_no=ORDER, kind=MessageKind.TEXT, path=How.SOCKET, text=text, from_us=False)
    machine_reason(message, Talk(said=(said,) * 3, last_inbound=text))


def _answer(text: str) -> None:
    try:
        read_envelope(HttpAnswer(status=200, body=text.encode("utf-8", "surrogatepass"), received_at_ms=NOW_MS))
    except P2pbotError:
        return


def _config(text: str) -> None:
    try:
        parse_settings(text, Path("c.yaml"), _PLACES)
    except P2pbotError:
        return


DOORS: dict[str, tuple[Callable[[str], object], dict[str, Bomb]]] = {
    "text": (_text_doors, TEXTS),
    "frame": (parse_frame, JSON),
    "redaction": (redact_frame, JSON),
    "card": (read_system_event, JSON),
    "answer": (_answer, JSON),
    "retry-after": (lambda text: retry_after_s(text, NOW_MS), TEXTS),
    "rules": (lambda text: [one.render() for one in load_rules({"a.yaml": text}).findings], YAML),
    "settings": (_config, YAML),
    "template": (lambda text: compile_text(text, ()), TEMPLATES),
    "given": (lambda text: given_facts({"amount": text, "side": "sell"}, "--order"), TEXTS),
}


def calls_of(door: Callable[[str], object], text: str) -> int:
    """Return how many calls, of Python's and of C's functions, a door makes for ``text``."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        door(text)
    finally:
        sys.setprofile(None)
    return count


def report(smallest: int = 8_192, largest: int = 262_144, quick_s: float = 0.02) -> Iterator[str]:
    """Yield a line for each door and bomb whose CPU time grows faster than its size."""
    for name, (door, bombs) in DOORS.items():
        for kind, bomb in bombs.items():
            spent: list[float] = []
            size = smallest
            while size <= largest and (not spent or spent[-1] < 20):
                text = bomb(size)
                began = time.thread_time()
                door(text)
                spent.append(time.thread_time() - began)
                size *= 4
            growth = log2(max(spent[-1], 1e-6) / max(spent[-2], 1e-6)) / 2 if len(spent) > 1 else 0.0
            if spent[-1] > quick_s:
                shown = "  ".join(f"{1000 * one:.0f}" for one in spent)
                yield f"{name:12}{kind:28}{shown:>40} ms   n^{growth:.1f}{'  QUADRATIC' if growth > 1.6 else ''}"
