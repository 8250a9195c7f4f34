"""``p2pbot images``: fetches all pictures of an order into a directory; a second run fetches what is missing."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.picture_folder import PictureFolder
from p2pbot.cli.exchange_line import ExchangeLine, account_of, exchange_line, remembered
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint, shown
from p2pbot.cli.progress import Progress
from p2pbot.cli.rules_show import counted
from p2pbot.cli.talk import Talk, read_pictures
from p2pbot.config import Settings
from p2pbot.errors import ExchangeError, NetworkError, RateLimited, UsageError
from p2pbot.model import ChatMessage
from p2pbot.protocol.picture_names import picture_name
from p2pbot.protocol.pictures import PictureFacts, read_picture

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

MAX_PICTURE_BYTES = 20 * 1024 * 1024  # twice what phones make
_MEBIBYTE = 1024 * 1024
_GIVE_UP = 3  # each may take a minute
_ABOUT = """\
Fetches every picture of an order's chat, both sides', into a directory. Files are named by time (UTC) and message id
and end as their bytes say, whatever was declared; only you can read them. Run it again, and it fetches what is missing.
It goes only to the hosts of the configuration (exchange.picture_hosts), without your key."""
_MORE = f"""\
One picture may have {MAX_PICTURE_BYTES // _MEBIBYTE} MiB. Pictures of payments hold names and bank data: keep them no
longer than you need.

example: p2pbot images 20476365073825144832 --out dispute

exit codes: 0 all are there, 1 some could not be fetched, 2 wrong command line, 78 configuration or keys"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("images", help="fetch an order's pictures", description=_ABOUT, epilog=_MORE)
    parser.add_argument("order", metavar="ORDER", help="the order's number")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="where to; it is made if it is missing")
    parser.add_argument("--account", metavar="NAME", help="whose order it is, if p2pbot has not heard of it")
    parser.add_argument("--at-most", metavar="MIB", type=int, default=500, help="for all together (default: 500)")
    parser.set_defaults(handler=_images)


@dataclass(slots=True)
class _Count:
    """How it went. ``silent``: failures of the network, one after the other."""

    fetched: int = 0
    failed: int = 0
    silent: int = 0
    left_bytes: int = 0


def _images(arguments: argparse.Namespace) -> int:
    if arguments.at_most < 1:
        raise UsageError("--at-most is a number of MiB, at least 1")
    settings = settings_of(arguments)
    return asyncio.run(_run(settings, arguments))


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    order_no: str = arguments.order
    account = account_of(settings, order_no, arguments.account, await remembered(settings, order_no))
    folder = PictureFolder(arguments.out)
    async with exchange_line(settings, account) as line:
        with Progress("reading the talk") as progress:
            talk = await read_pictures(line.rest, order_no, lambda rows, total: progress.show(rows, total=total))
        if talk.truncated:
            print("The talk is longer than the history gives: its oldest pictures may be missing.", file=sys.stderr)
        return await _fetch_all(line, talk, folder, arguments.at_most * _MEBIBYTE)


async def _fetch_all(line: ExchangeLine, talk: Talk, folder: PictureFolder, most_bytes: int) -> int:
    """Fetch what is not there yet, one after the other; return the exit code."""
    there = folder.sizes()
    wanted = {picture_name(message): message for message in talk.messages}  # a message may come twice
    missing = [message for name, message in wanted.items() if name not in there]
    count = _Count(left_bytes=most_bytes - sum(there.get(name, 0) for name in wanted))
    with Progress("fetching", len(missing)) as progress:
        for done, message in enumerate(missing):
            if count.silent >= _GIVE_UP:
                count.failed += len(missing) - done
                print(f"{_GIVE_UP} pictures in a row could not be reached; run it again later.")
                break
            progress.show(done, picture_name(message))
            told = await _fetch(line, message, folder, count)
            progress.wipe()
            print(told)
    failed = f", {count.failed} could not be fetched" if count.failed else ""
    were_there = len(wanted) - len(missing)
    print(f"{counted(len(wanted), 'picture')}: {were_there} were there, {count.fetched} fetched{failed}. {folder.path}")
    return 1 if count.failed or talk.truncated else 0


async def _fetch(line: ExchangeLine, message: ChatMessage, folder: PictureFolder, count: _Count) -> str:
    """Fetch one picture; return what to tell of it."""
    paint, name = Paint(), picture_name(message)
    if message.image is None or count.left_bytes <= 0:
        count.failed += 1
        return f"{name}  {paint('red', 'not fetched: the bound of --at-most is reached')}"
    try:
        found = await line.pictures.fetch(message.image.image_url, min(MAX_PICTURE_BYTES, count.left_bytes))
    except RateLimited:
        raise  # asking on would make it worse; the next run goes on from here
    except (ExchangeError, NetworkError) as error:
        count.failed += 1
        count.silent = count.silent + 1 if isinstance(error, NetworkError) else 0
        return f"{name}  {paint('red', shown(str(error), 200))}"
    facts = read_picture(found.data, message.image.declared_type, found.content_type)
    await asyncio.to_thread(folder.keep, f"{name}.{facts.suffix}", found.data)
    count.fetched, count.silent = count.fetched + 1, 0
    count.left_bytes -= facts.size_bytes
    return f"{name}.{facts.suffix}  {facts_words(facts)}{_warnings(message, facts, found.content_type, paint)}"


def facts_words(facts: PictureFacts) -> str:
    """Return a picture's type and size: ``png 720 × 1600, 84 KiB``."""
    size = f" {facts.width} × {facts.height}" if facts.width and facts.height else ""
    return f"{facts.type.value}{size}, {-(-facts.size_bytes // 1024)} KiB"


def _warnings(message: ChatMessage, facts: PictureFacts, content_type: str, paint: Paint) -> str:
    found = []
    if facts.lied and message.image:
        found.append(f"declared as {shown(message.image.declared_type or content_type, 40)}")
    if facts.trouble:
        found.append(facts.trouble)
    if facts.trailing_bytes:
        found.append(f"{facts.trailing_bytes} bytes of something else behind the picture")
    return "".join(f"  {paint('yellow', warning)}" for warning in found)
