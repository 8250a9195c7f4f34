"""A talk for the terminal: who, when, what; harmless whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator

from p2pbot.cli.images import facts_words
from p2pbot.cli.output import Paint, clock_time, shown
from p2pbot.cli.rules_show import counted
from p2pbot.cli.transcript import Line, Speaker, Transcript, headline, silence_words, words_of

_NAMES = {
    Speaker.BOT: "p2pbot",
    Speaker.PERSON: "you",
    Speaker.OURS: "our account",
    Speaker.EXCHANGE: "exchange",
    Speaker.NOBODY: "not told who",
}
_COLOURS = {Speaker.THEM: "yellow", Speaker.BOT: "green", Speaker.PERSON: "blue", Speaker.OURS: "blue"}
_MARGIN = " " * 10  # under the text of a line


def as_text(talk: Transcript, paint: Paint) -> Iterator[str]:
    """Yield the talk line by line; ``paint`` colours it or does not."""
    facts = headline(talk.order) if talk.order else ()
    yield paint("bold", f"order {shown(talk.order_no, 40)}") + "".join(f" · {shown(fact, 80)}" for fact in facts)
    yield paint("dim", f"account {talk.account}, {counted(len(talk.lines), 'message')}, times of this machine")
    if talk.truncated:
        yield paint("red", "the talk is longer than this: its oldest messages are missing")
    day = ""
    for line in talk.lines:
        date, _, time = clock_time(line.message.created_at_ms).partition(" ")
        if date != day:
            yield ""
            yield paint("bold", date)
            day = date
        yield from _line(line, time, paint)


def _line(line: Line, time: str, paint: Paint) -> Iterator[str]:
    name = paint(_COLOURS.get(line.speaker, "dim"), _name(line))
    rule = paint("dim", f" [{shown(line.reply.rule_id, 64)}]") if line.reply else ""
    first, *more = _texts(line)
    yield f"{time:8}  {name}{rule}  {first}"
    yield from (f"{_MARGIN}{text}" for text in more)
    if silence := silence_words(line):
        yield paint("dim", f"{_MARGIN}{silence}")


def _name(line: Line) -> str:
    if line.speaker is not Speaker.THEM:
        return _NAMES[line.speaker]
    machine = " (automatic)" if line.message.kind.value == "auto_reply" else ""
    return f"{shown(line.message.nickname, 40) or 'counterparty'}{machine}"


def _texts(line: Line) -> list[str]:
    """Return the line's text, line by line, and a word for its picture."""
    words = words_of(line)
    texts = [shown(text) for text in words.split("\n")] if words else []
    return texts + ([_picture(line)] if line.message.image else []) or [""]


def _picture(line: Line) -> str:
    if line.picture and line.picture.facts:
        return f"[picture: {facts_words(line.picture.facts)}]"
    image = line.message.image
    size = f" {image.width} × {image.height}" if image and image.width and image.height else ""
    return f"[picture{size}]"
