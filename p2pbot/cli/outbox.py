"""``p2pbot outbox``: the replies that wait, and a person's hand in them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.daemon_line import asked, told
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import clock_time, columns, print_json, shown
from p2pbot.cli.pause import order_number
from p2pbot.cli.send import watched
from p2pbot.cli.words import STATES, reason_words
from p2pbot.config import Settings
from p2pbot.conversation.control import ALL, Ask, Request, told_reply
from p2pbot.conversation.records import OutboxState
from p2pbot.errors import UsageError
from p2pbot.model import Reason

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = "The replies that are not settled yet, or all of one order, and what a person can do about one."
_LIST = "Lists the replies that wait or are in doubt; with an order's number all of that order, the settled ones too."
_RETRY = """\
Sends a reply once more that was refused or dropped: the same text, once, whatever silences the bot there but a pause
and an appeal. A reply that is in doubt is looked for in the chat's history at once instead; it is never sent blindly.
Without --yes it shows which reply it is."""
_DROP = """\
Gives a reply up that waits, or that is in doubt (it may have been shown then). One that is being written at this moment
cannot be given up. Without --yes it shows which reply it is."""
_MORE = """\
examples:
  p2pbot outbox list
  p2pbot outbox list 20476365073825144832
  p2pbot outbox drop 17 --yes
  p2pbot outbox retry 17 --yes"""
_EXITS = "\n\nexit codes: 0 done, 1 not done or --yes is missing, 2 refused, 78 configuration, or no daemon runs"


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its three words."""
    parser = commands.add_parser("outbox", help="replies that wait", description=_ABOUT, epilog=_MORE + _EXITS)
    words = parser.add_subparsers(metavar="WORD")
    listing = words.add_parser("list", help="show them", description=_LIST, epilog=_MORE + _EXITS)
    listing.add_argument("order", metavar="ORDER", nargs="?", help="of this order")
    listing.add_argument("--account", metavar="NAME", help="of this account alone")
    listing.add_argument("--json", action="store_true", help="one JSON document")
    listing.set_defaults(handler=_list)
    for word, line, about in (("retry", "send one once more", _RETRY), ("drop", "give one up", _DROP)):
        deed = words.add_parser(word, help=line, description=about, epilog=_MORE + _EXITS)
        deed.add_argument("number", metavar="NUMBER", type=int, help="the reply's number in the list")
        deed.add_argument("--yes", action="store_true", help="do it")
        deed.set_defaults(handler=_deed, word=word)


def _list(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    account = settings.account(arguments.account).name if arguments.account else ALL
    order = order_number(arguments.order) if arguments.order else ALL
    rows = _rows(settings, account, order)
    if arguments.json:
        print_json(rows)
        return 0
    print("\n".join(_page(rows)) if rows else "Nothing waits.")
    return 0


def _rows(settings: Settings, account: str, order: str) -> list[Mapping[str, Any]]:
    answer = asked(settings, Request(ask=Ask.OUTBOX, account=account, order=order))
    if answer is not None:
        return list(answer["replies"])
    return asyncio.run(_read(settings, account, order))


async def _read(settings: Settings, account: str, order: str) -> list[Mapping[str, Any]]:
    store = await SqliteStore.open_readonly(settings.database)
    try:
        if order != ALL:
            return [told_reply(row) for row in await store.outbox(order) if account in (ALL, row.account)]
        names = [one.name for one in settings.accounts if account in (ALL, one.name)]
        return [told_reply(row) for name in names for row in await store.pending(name)]
    finally:
        await store.close()


def _page(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    head = ("reply", "account", "order", "since", "by", "state")
    lines = [
        (
            str(row["seq"]),
            shown(row["account"], 32),
            shown(row["order_no"], 40),
            clock_time(row["created_at_ms"]),
            shown(row["rule_id"], 40),
            _state(row),
        )
        for row in rows
    ]
    return columns([head, *lines])


def _state(row: Mapping[str, Any]) -> str:
    why = f" – {reason_words(Reason(row['reason']))}" if row["reason"] else ""
    return STATES[OutboxState(row["state"])] + why


def _deed(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    row = asyncio.run(_one(settings, arguments.number))
    if row is None:
        raise UsageError(f"there is no reply {arguments.number}", remedy="p2pbot outbox list shows their numbers")
    if not arguments.yes:
        print("\n".join(_page([row])))
        if arguments.word == "retry" and row["attempts"] and row["state"] == OutboxState.DROPPED:
            print("It was written before it was dropped: look into the chat whether it is there.")
        print(f"Nothing was done; add --yes to {arguments.word} it.")
        return 1
    answer = told(settings, Request(ask=Ask(arguments.word), seq=arguments.number))
    if arguments.word == "retry":
        return watched(settings, str(answer["order"]), int(answer["seq"]))
    print(f"Dropped: reply {answer['seq']} of order {shown(answer['order'], 40)}.")
    return 0


async def _one(settings: Settings, seq: int) -> Mapping[str, Any] | None:
    store = await SqliteStore.open_readonly(settings.database)
    try:
        row = await store.reply(seq)
    finally:
        await store.close()
    return told_reply(row) if row else None
