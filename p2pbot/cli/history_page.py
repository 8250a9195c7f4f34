"""A talk as one HTML page with its pictures inside: no script, nothing fetched, readable on a phone and on paper.

Promise: self-contained; a policy in the page forbids it to load or run anything but its own style, whatever is in it.
Danger: names, texts and pictures come from strangers. Every text goes through ``_safe``; only pictures whose bytes are
those of a picture are embedded, under the type that the bytes have.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape as escape_html
from importlib.resources import files

from p2pbot.adapters.redaction import escape, scrub, shorten
from p2pbot.cli.images import facts_words
from p2pbot.cli.output import clock_time
from p2pbot.cli.transcript import Line, Shown, Speaker, Transcript, headline, silence_words, words_of
from p2pbot.cli.words import STATES, reason_words
from p2pbot.conversation.records import OutboxRow
from p2pbot.model import MessageKind
from p2pbot.protocol.pictures import MAX_PIXELS, SHOWABLE, PictureFacts

_LONGEST_TEXT = 20_000  # characters of one message; frames are cut at less
_WHO = {
    Speaker.BOT: "p2pbot",
    Speaker.PERSON: "you, by hand",
    Speaker.OURS: "our account",
    Speaker.EXCHANGE: "the exchange",
    Speaker.NOBODY: "the history does not say who wrote this",
}


def as_page(talk: Transcript, made_at_ms: int) -> Iterator[str]:
    """Yield the page piece by piece; the pictures make it large."""
    style = files("p2pbot.cli").joinpath("history.css").read_text("utf-8")
    yield _head(talk, style)
    yield from _top(talk)
    yield "<ol>\n"
    day = ""
    for line in talk.lines:
        date = clock_time(line.message.created_at_ms).partition(" ")[0]
        if date != day:
            yield f'<li class="day"><time datetime="{_safe(date)}">{_safe(_day_words(line))}</time></li>\n'
            day = date
        yield from _item(line)
    zone = datetime.now().astimezone().strftime("UTC%z")
    yield f"</ol>\n<footer>Written by p2pbot on {_safe(clock_time(made_at_ms))}; times are {_safe(zone)}."
    yield " Text and pictures are as the exchange's history gave them.</footer>\n</main>\n</body>\n</html>\n"


def embeddable(facts: PictureFacts) -> str:
    """Return why a picture is not put into the page, '' if it is."""
    if facts.type not in SHOWABLE:
        return f"it is no picture that a browser shows ({facts.type.value})"
    if facts.width * facts.height > MAX_PIXELS:
        return facts.trouble
    return "" if facts.width and facts.height else (facts.trouble or "its size cannot be read")


def _head(talk: Transcript, style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Order {_safe(talk.order_no)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
    )


def _top(talk: Transcript) -> Iterator[str]:
    yield f"<header>\n<h1>Order <span>{_safe(talk.order_no)}</span></h1>\n"
    if talk.order:
        *facts, status = headline(talk.order)
        yield f'<p class="facts">{_safe(_sentence(facts))} <b class="{_safe(status)}">{_safe(status)}</b></p>\n'
    them = talk.order.counterparty.nickname if talk.order else ""
    details = [("with", them), ("account", talk.account), ("messages", str(len(talk.lines)))]
    parts = "".join(f"<div><dt>{name}</dt><dd><bdi>{_safe(text)}</bdi></dd></div>" for name, text in details if text)
    yield f"<dl>{parts}</dl>\n"
    if talk.truncated:
        yield '<p class="note">The talk is longer than this: its oldest messages are missing.</p>\n'
    if any(line.speaker is Speaker.OURS for line in talk.lines):
        yield '<p class="note">Which of our lines p2pbot wrote is not known: it has no record of this order.</p>\n'
    yield "</header>\n"


def _sentence(facts: Iterable[str]) -> str:
    words = " ".join(facts)
    return words[:1].upper() + words[1:]


def _item(line: Line) -> Iterator[str]:
    at_ms, kind = line.message.created_at_ms, line.speaker.value
    whole = clock_time(at_ms)
    moment = f'<time datetime="{_iso(at_ms)}" title="{_safe(whole)}">{_safe(whole[11:16])}</time>'
    if line.speaker is Speaker.EXCHANGE:
        yield f'<li class="{kind}"><p dir="auto">{_text(words_of(line))}</p>{moment}</li>\n'
        return
    machine = " auto" if line.message.kind is MessageKind.AUTO_REPLY else ""
    yield f'<li class="{kind}">\n<p class="who{machine}">{_who(line)}</p>\n<div class="bubble">'
    if words := words_of(line):
        yield f'<p dir="auto">{_text(words)}</p>'
    if line.message.image:
        yield from _picture(line.picture or Shown(missing="it was not fetched"), line.speaker)
    yield f'</div>\n<div class="under">{moment}{_note(silence_words(line))}{_why(line.reply)}</div>\n</li>\n'


def _who(line: Line) -> str:
    if line.speaker is Speaker.THEM:
        machine = " · automatic reply" if line.message.kind is MessageKind.AUTO_REPLY else ""
        return f"<bdi>{_safe(line.message.nickname) or 'counterparty'}</bdi>{machine}"
    rule = f" · rule <b>{_safe(line.reply.rule_id)}</b>" if line.reply else ""
    return f"{_WHO[line.speaker]}{rule}"


def _picture(shown: Shown, speaker: Speaker) -> Iterator[str]:
    facts, why = shown.facts, shown.missing
    if facts is None or (why := why or embeddable(facts)):
        yield f'<p class="missing">A picture is not here: {_safe(why)}.</p>'
        return
    data = base64.b64encode(shown.data).decode()
    whose = "counterparty" if speaker is Speaker.THEM else "our account"
    yield f'<figure><img alt="Picture sent by {whose}" width="{facts.width}" height="{facts.height}" '
    yield f'src="data:image/{facts.type.value};base64,{data}">'
    yield f"<figcaption>{_safe(facts_words(facts))}{_note(_odd(facts))}</figcaption></figure>"


def _odd(facts: PictureFacts) -> str:
    found = ["its declared type is another"] if facts.lied else []
    found += [facts.trouble] if facts.trouble else []
    found += [f"{facts.trailing_bytes} bytes of something else behind it"] if facts.trailing_bytes else []
    return "; ".join(found)


def _why(reply: OutboxRow | None) -> str:
    """Return what p2pbot's record says of a reply of its own."""
    if reply is None:
        return ""
    ended = f": {reason_words(reply.reason)}" if reply.reason else ""
    tries = f" after {reply.attempts} tries" if reply.attempts > 1 else ""
    about = reply.stimulus_key.removeprefix("m:").removeprefix("u:").removeprefix("e:").replace("_", " ")
    said = f"Decided at {clock_time(reply.created_at_ms)} by rule {reply.rule_id}, about {about}. "
    said += f"{_sentence((STATES[reply.state],))}{tries}{ended}."
    return f" <details><summary>why</summary><p>{_safe(said)}</p></details>"


def _note(text: str) -> str:
    return f' <span class="odd">{_safe(text)}</span>' if text else ""


def _day_words(line: Line) -> str:
    if not line.message.created_at_ms:
        return "at an unknown time"
    moment = datetime.fromtimestamp(line.message.created_at_ms / 1000, UTC).astimezone()
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def _text(text: str) -> str:
    """Return a text of several lines; the style keeps its line breaks."""
    return "\n".join(_safe(line) for line in text.split("\n"))


def _safe(text: str) -> str:
    """Return a text from anywhere as what HTML shows and never obeys; without known secrets and control characters."""
    return escape_html(escape(shorten(scrub(text), _LONGEST_TEXT)), quote=True)
