"""``p2pbot history``: an order's whole talk, to read, to replay with other rules, or as a page with its pictures."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.cli.exchange_line import ExchangeLine, Remembered, account_of, exchange_line, remembered
from p2pbot.cli.history_chat import as_chat
from p2pbot.cli.history_page import as_page
from p2pbot.cli.history_text import as_text
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint, shown
from p2pbot.cli.progress import Progress
from p2pbot.cli.talk import Talk, read_talk
from p2pbot.cli.transcript import Shown, Transcript, lines_of
from p2pbot.config import Settings
from p2pbot.conversation.decision import message_key
from p2pbot.errors import ConfigError, ExchangeError, NetworkError, RateLimited, UsageError
from p2pbot.model import ChatMessage, Order
from p2pbot.protocol import calls
from p2pbot.protocol.pictures import read_picture

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

FORMATS = ("text", "jsonl", "html")
MAX_PICTURE_BYTES = 8 * 1024 * 1024  # of one picture in a page
MAX_PAGE_BYTES = 60 * 1024 * 1024  # of all of them: browsers open that, mail does not take more anyhow
_GIVE_UP = 3  # pictures in a row that the network kept from us
_UNREACHED = "it could not be reached"
_ENDINGS = {".html": "html", ".htm": "html", ".jsonl": "jsonl"}
_ABOUT = """\
Reads an order's whole talk from the exchange's history and shows it, or writes it to a file that only you can read.
Which of our lines p2pbot wrote, by which rule, is told as far as its state directory knows. Nothing is sent, and
nothing is marked as read."""
_MORE = """\
formats:
  text    for the terminal
  jsonl   one line that `p2pbot rules replay` plays with other rules
  html    one page with the pictures inside; it needs no network and runs nothing

examples:
  p2pbot history 20476365073825144832
  p2pbot history 20476365073825144832 --out talk.html
  p2pbot history 20476365073825144832 --format jsonl >> chats.jsonl

exit codes: 0 shown, 1 the exchange gave nothing or not all, 2 wrong command line, 78 configuration or keys"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("history", help="an order's whole talk", description=_ABOUT, epilog=_MORE)
    parser.add_argument("order", metavar="ORDER", help="the order's number")
    parser.add_argument("--format", choices=FORMATS, help="default: by the file's ending, else text")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write there instead of showing it; mode 0600")
    parser.add_argument("--account", metavar="NAME", help="whose order it is, if p2pbot has not heard of it")
    parser.add_argument("--no-pictures", action="store_true", help="leave the pictures out of the page")
    parser.set_defaults(handler=_history)


def _history(arguments: argparse.Namespace) -> int:
    chosen: str = arguments.format or _ENDINGS.get(arguments.out.suffix.lower() if arguments.out else "", "text")
    settings = settings_of(arguments)
    pictures = chosen == "html" and not arguments.no_pictures
    talk = asyncio.run(_read(settings, arguments.order, arguments.account, pictures=pictures))
    if not talk.lines:
        _say(f"The exchange's history has no message of the order {shown(talk.order_no, 40)}.")
        return 1
    _give(_rendered(talk, chosen, arguments.out), arguments.out)
    if talk.truncated:
        _say("The talk is longer than the history gives: its oldest messages are missing.")
    return 1 if talk.truncated else 0


def _rendered(talk: Transcript, chosen: str, out: Path | None) -> Iterable[str]:
    if chosen == "html":
        return as_page(talk, time.time_ns() // 1_000_000)
    if chosen == "jsonl":
        return _replayable(talk)
    paint = Paint()
    paint.on = paint.on and out is None
    return (f"{line}\n" for line in as_text(talk, paint))


def _replayable(talk: Transcript) -> list[str]:
    line, left_out = as_chat(talk)
    if not line:
        raise UsageError("nothing in this talk can be replayed", remedy="use --format text")
    if left_out:
        _say(f"{left_out} steps are left out: replay takes a chat's first 200.")
    if not talk.remembered:
        _say("Our own lines are left out: without a state directory nobody knows which are p2pbot's.")
    return [f"{line}\n"]


async def _read(settings: Settings, order_no: str, wanted: str | None, *, pictures: bool) -> Transcript:
    """Return the talk with all that is known of it."""
    known = await remembered(settings, order_no)
    account = account_of(settings, order_no, wanted, known)
    known = _of_account(known, account.name)
    async with exchange_line(settings, account) as line:
        with Progress("reading the talk") as progress:
            talk = await read_talk(line.rest, order_no, lambda rows, total: progress.show(rows, total=total))
        order = await _order(line, order_no) if talk.messages else None
        inside = await _pictures(line, talk) if pictures else {}
        return Transcript(
            order_no=order_no,
            account=account.name,
            lines=lines_of(_named(talk.messages, order), known, inside),
            order=order,
            truncated=talk.truncated,
            remembered=known.known and bool(known.entries or known.replies),
        )


def _of_account(known: Remembered, name: str) -> Remembered:
    entries = tuple(entry for entry in known.entries if entry.account == name)
    replies = tuple(row for row in known.replies if row.account == name)
    return Remembered(entries=entries, replies=replies, known=known.known)


async def _order(line: ExchangeLine, order_no: str) -> Order | None:
    """Return the order's facts and what is counted of the counterparty; a talk can be shown without either."""
    order = None
    try:
        order = await line.rest.call(calls.order_detail(line.account, order_no))
        counted = await line.rest.call(calls.counterparty_statistics(order_no))
    except (ExchangeError, NetworkError):
        return order
    them = order.counterparty
    return replace(order, counterparty=replace(counted, nickname=them.nickname, real_name=them.real_name))


def _named(messages: Iterable[ChatMessage], order: Order | None) -> tuple[ChatMessage, ...]:
    """Return the messages with the counterparty's whole nickname; the history masks it."""
    name = order.counterparty.nickname if order else ""
    return tuple(
        replace(message, nickname=name) if name and message.from_us is False else message for message in messages
    )


async def _pictures(line: ExchangeLine, talk: Talk) -> dict[str, Shown]:
    """Fetch what fits into the page. A host that does not answer is not asked for ever."""
    messages = [message for message in talk.messages if message.image is not None]
    found: dict[str, Shown] = {}
    left_bytes, silent = MAX_PAGE_BYTES, 0
    with Progress("fetching pictures", len(messages)) as progress:
        for done, message in enumerate(messages):
            progress.show(done)
            if silent >= _GIVE_UP:
                shown_one = Shown(missing="its host does not answer")
            else:
                shown_one = await _picture(line, message, left_bytes)
                silent = silent + 1 if shown_one.missing.startswith(_UNREACHED) else 0
            left_bytes -= len(shown_one.data)
            found[message_key(message)] = shown_one
    return found


async def _picture(line: ExchangeLine, message: ChatMessage, left_bytes: int) -> Shown:
    if message.image is None or left_bytes <= 0:
        return Shown(missing=f"the page has {MAX_PAGE_BYTES // 2**20} MiB of pictures; p2pbot images fetches all")
    try:
        got = await line.pictures.fetch(message.image.image_url, min(MAX_PICTURE_BYTES, left_bytes))
    except (NetworkError, RateLimited) as error:
        return Shown(missing=f"{_UNREACHED}: {error}")
    except ExchangeError as error:
        return Shown(missing=str(error))
    return Shown(read_picture(got.data, message.image.declared_type, got.content_type), got.data)


def _give(pieces: Iterable[str], out: Path | None) -> None:
    """Print, or replace the file whole. Raises ConfigError when it cannot be written."""
    if out is None:
        for piece in pieces:
            sys.stdout.write(piece)
        return
    draft = out.with_name(f".{out.name}.part")
    try:
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8", errors="replace") as stream:
            stream.writelines(pieces)
        draft.replace(out)
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror or 'cannot be written'}", remedy="name another file") from None
    _say(f"written: {out}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
