"""``p2pbot mute`` and ``p2pbot unmute``: leave an order to a person, and take it back."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.daemon_line import asked
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import clock_time, columns
from p2pbot.cli.pause import order_number
from p2pbot.cli.words import reason_words
from p2pbot.config import Settings
from p2pbot.config.durations import parse_duration
from p2pbot.conversation.control import ALL, Ask, Request
from p2pbot.conversation.inbox import mute_reason
from p2pbot.conversation.records import Action, ActionWord, Mute, OrderMemory
from p2pbot.errors import UsageError
from p2pbot.model import Reason

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_LOW_MS, _HIGH_MS = 60_000, 30 * 86_400_000
_MUTE = """\
Leaves one order to you, as if you had written there from the app: p2pbot is silent in it until it ends, or for a time.
Replies that wait there are not sent. A pause (p2pbot pause ORDER) is stricter: it lasts until you end it."""
_MUTE_MORE = """\
examples:
  p2pbot mute 20476365073825144832
  p2pbot mute 20476365073825144832 --for 2h

exit codes: 0 done, 2 wrong command line or an order that p2pbot does not know, 78 configuration or state directory"""
_UNMUTE = """\
Takes an order back that was left to a person: by `p2pbot mute`, by a word that somebody wrote in the app, by a rule,
or by the breaker. A pause stays (p2pbot resume ORDER ends both). Without an order's number it lists the open orders
that are muted."""
_UNMUTE_MORE = """\
examples:
  p2pbot unmute
  p2pbot unmute 20476365073825144832

exit codes: 0 done, 1 the order was not muted, 2 wrong command line, 78 configuration or state directory"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add both commands."""
    mute = commands.add_parser("mute", help="leave an order to you", description=_MUTE, epilog=_MUTE_MORE)
    mute.add_argument("--for", dest="span", metavar="TIME", help="only so long (10m, 2h, 1d)")
    mute.set_defaults(handler=_mute)
    unmute = commands.add_parser("unmute", help="take an order back", description=_UNMUTE, epilog=_UNMUTE_MORE)
    unmute.set_defaults(handler=_unmute)
    mute.add_argument("order", metavar="ORDER", help="the order's number")
    unmute.add_argument("order", metavar="ORDER", nargs="?", help="the order's number; without it they are listed")
    for parser in (mute, unmute):
        parser.add_argument("--account", metavar="NAME", help="this account's order alone")


def _mute(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    request = Request(
        ask=Ask.MUTE,
        order=order_number(arguments.order),
        account=settings.account(arguments.account).name if arguments.account else ALL,
        for_ms=_span_ms(arguments.span) if arguments.span else None,
    )
    answer = asked(settings, request) or asyncio.run(_written(settings, request))
    until_ms = answer["until_ms"]
    until = f"until {clock_time(until_ms)}" if until_ms else "until it ends"
    for name in answer["accounts"]:
        print(f"Muted: order {request.order} of account {name}, {until} (p2pbot unmute {request.order}).")
    return 0


def _unmute(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    account = settings.account(arguments.account).name if arguments.account else ALL
    if arguments.order is None:
        return _list(settings, account)
    request = Request(ask=Ask.UNMUTE, order=order_number(arguments.order), account=account)
    answer = asked(settings, request) or asyncio.run(_written(settings, request))
    for name in answer["accounts"]:
        print(f"Unmuted: order {request.order} of account {name}.")
    if not answer["accounts"]:
        print(f"The order {request.order} was not muted.")
    return 0 if answer["accounts"] else 1


def _list(settings: Settings, account: str) -> int:
    """Show the open orders that are muted."""
    muted = asyncio.run(_muted(settings, account))
    head = ("order", "account", "since", "until", "why")
    rows = [
        (one.order_no, one.account, clock_time(why.since_ms), clock_time(why.until_ms or 0), reason_words(why.reason))
        for one, why in muted
    ]
    print("\n".join(columns([head, *rows])) if rows else "No open order is muted.")
    return 0


async def _muted(settings: Settings, account: str) -> list[tuple[OrderMemory, Mute]]:
    """Return the open orders that are muted now, oldest mute first."""
    now_ms = time.time_ns() // 1_000_000
    store = await SqliteStore.open_readonly(settings.database)
    try:
        names = [one.name for one in settings.accounts if account in (ALL, one.name)]
        known = [memory for name in names for memory in await store.open_orders(name)]
    finally:
        await store.close()
    found = [(memory, memory.mute) for memory in known if memory.mute and mute_reason(memory.mute, now_ms)]
    return sorted(found, key=lambda one: one[1].since_ms)


def _span_ms(text: str) -> int:
    try:
        span_ms = parse_duration(text).ms
    except ValueError:
        raise UsageError("a time is a number with its unit", remedy="write 10m, 2h or 1d") from None
    if not _LOW_MS <= span_ms <= _HIGH_MS:
        raise UsageError("an order is muted for 1m to 30d", remedy="without --for: until it ends")
    return span_ms


async def _written(settings: Settings, request: Request) -> Mapping[str, Any]:
    """Write into the store; the daemon's next decision sees it. Raises UsageError for an unknown order."""
    now_ms = time.time_ns() // 1_000_000
    until_ms = None if request.for_ms is None else now_ms + request.for_ms
    store = await SqliteStore.open_beside(settings.database)
    try:
        if request.ask is Ask.MUTE:
            mute = Mute(reason=Reason.MUTED, since_ms=now_ms, until_ms=until_ms)
            accounts = await store.mute(request.account, request.order, mute)
        else:
            accounts = await store.unmute(request.account, request.order)
        for name in accounts:
            word = ActionWord(request.ask.value)
            await store.act(Action(at_ms=now_ms, word=word, account=name, order_no=request.order))
    finally:
        await store.close()
    if request.ask is Ask.MUTE and not accounts:
        raise UsageError("p2pbot knows nothing of this order yet", remedy="p2pbot pause ORDER silences any order")
    return {"accounts": accounts, "until_ms": until_ms}
