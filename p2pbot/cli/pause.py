"""``p2pbot pause`` and ``p2pbot resume``: the kill switch."""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from p2pbot.adapters.brake import PauseFile
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.daemon_line import asked
from p2pbot.cli.options import settings_of
from p2pbot.config import Settings
from p2pbot.conversation.control import ALL, Ask, Request
from p2pbot.conversation.records import Action, ActionWord
from p2pbot.errors import UsageError

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ORDER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_PAUSE = """\
Makes p2pbot silent at once: everywhere, in one account, or in one order. It goes on recording what it would have
said no to. Works while the daemon runs and while it does not; the pause lasts until `p2pbot resume`.
A file named PAUSE beside an account's rules does the same without this command."""
_PAUSE_MORE = """\
examples:
  p2pbot pause                           everything
  p2pbot pause --account main            one account
  p2pbot pause 20476365073825144832      one order

exit codes: 0 done, 2 wrong command line, 78 configuration or state directory"""
_RESUME = """\
Ends a pause, exactly the one that is named: an order that was paused by its number stays paused when all is resumed.
An order that is named may also speak again after a person took it over, a rule handed it over, or the breaker
silenced it.
What is still silent is listed."""
_RESUME_MORE = _PAUSE_MORE.replace("pause ", "resume ")


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add both commands."""
    _add(commands, "pause", "be silent: in an order, in an account, everywhere", (_PAUSE, _PAUSE_MORE))
    _add(commands, "resume", "end a pause", (_RESUME, _RESUME_MORE))


def _add(commands: argparse._SubParsersAction[Parser], name: str, line: str, texts: tuple[str, str]) -> None:
    parser = commands.add_parser(name, help=line, description=texts[0], epilog=texts[1])
    parser.add_argument("order", metavar="ORDER", nargs="?", default="all", help="an order's number, or all (default)")
    parser.add_argument("--account", metavar="NAME", help="this account alone")
    parser.set_defaults(handler=_set_paused, paused=name == "pause")


def _set_paused(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    account = settings.account(arguments.account).name if arguments.account else ALL
    order_no = ALL if arguments.order == "all" else order_number(arguments.order)
    left, unmuted = _switched(settings, account, order_no, paused=arguments.paused)
    print(f"{'Paused' if arguments.paused else 'Resumed'}: {place(account, order_no)}.")
    for name in unmuted:
        print(f"  order {order_no} of account {name} was muted (by a person, a rule or the breaker); it is not now.")
    for line in still_silent(settings, left):
        print(line)
    return 0


def order_number(text: str) -> str:
    """Return an order's number as it was typed. Raises UsageError."""
    if not _ORDER.fullmatch(text):
        raise UsageError("an order's number has digits only", remedy="copy it from the exchange, or write: all")
    return text


Paused = tuple[tuple[str, str], ...]


def _switched(settings: Settings, account: str, order_no: str, *, paused: bool) -> tuple[Paused, tuple[str, ...]]:
    """Switch, by the daemon if one listens; return all that is paused now, and in which accounts a mute was lifted."""
    answer = asked(settings, Request(ask=Ask.PAUSE if paused else Ask.RESUME, account=account, order=order_no))
    if answer is None:
        return asyncio.run(_switch(settings, account, order_no, paused=paused))
    return tuple((str(name), str(number)) for name, number in answer["paused"]), tuple(answer["unmuted"])


async def _switch(settings: Settings, account: str, order_no: str, *, paused: bool) -> tuple[Paused, tuple[str, ...]]:
    """Write the switch into the store; the next decision sees it."""
    store = await SqliteStore.open_beside(settings.database)
    try:
        await store.set_paused(account, order_no, paused=paused)
        unmuted = () if paused or order_no == ALL else await store.unmute(account, order_no)
        word = ActionWord.PAUSE if paused else ActionWord.RESUME
        now_ms = time.time_ns() // 1_000_000
        await store.act(Action(at_ms=now_ms, word=word, account=account, order_no=order_no))
        return await store.paused(), unmuted
    finally:
        await store.close()


def place(account: str, order_no: str) -> str:
    """Return a pause's place in words."""
    what = "everything" if order_no == ALL else f"order {order_no}"
    if account == ALL:
        return what
    return f"account {account}" if order_no == ALL else f"{what} of account {account}"


def still_silent(settings: Settings, paused: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Yield a line for each pause there is, with the way to end it."""
    for account, order_no in paused:
        named = "all" if order_no == ALL else order_no
        option = "" if account == ALL else f" --account {account}"
        yield f"  paused: {place(account, order_no)} (p2pbot resume {named}{option})"
    brake = PauseFile({account.name: account.rules for account in settings.accounts})
    for account_settings in settings.accounts:
        if brake.is_set(account_settings.name):
            directory = account_settings.rules
            yield f"  paused: account {account_settings.name} by the file PAUSE beside {directory}, or it is missing"
