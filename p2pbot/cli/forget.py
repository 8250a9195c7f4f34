"""``p2pbot forget``: an order or a person, out of the state directory for good."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from p2pbot.adapters.forgetting import forget
from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.daemon_line import asked
from p2pbot.cli.options import settings_of
from p2pbot.config import Settings
from p2pbot.conversation.control import ALL, Ask, Refusal, Request
from p2pbot.errors import UsageError

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Deletes what p2pbot keeps of an order, or of a person (a counterparty's nickname) with all orders: messages, replies,
traces, counts, archived pictures; and overwrites the place where they stood. Of an order that is open, or was a few
hours ago, texts, names and traces go, and the exchange's message numbers stay: without them its messages would be
answered a second time. Forget it again when it is over.
Not reached: backups, what the log has said (numbers, no texts), the exchange itself, and files that `p2pbot history`
and `p2pbot images` wrote elsewhere. Without --yes nothing is done."""
_MORE = """\
examples:
  p2pbot forget 20476365073825144832 --yes
  p2pbot forget SomeNickname --account main --yes

exit codes: 0 forgotten, 1 --yes is missing, 2 nothing is known, or replies are on their way there,
78 configuration or state directory"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("forget", help="delete an order or a person", description=_ABOUT, epilog=_MORE)
    parser.add_argument("who", metavar="ORDER|COUNTERPARTY", help="an order's number, or a counterparty's nickname")
    parser.add_argument("--account", metavar="NAME", help="in this account alone")
    parser.add_argument("--yes", action="store_true", help="do it; there is no way back")
    parser.set_defaults(handler=_forget)


def _forget(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    account = settings.account(arguments.account).name if arguments.account else ALL
    if not arguments.yes:
        print("Nothing was done; add --yes to forget it. There is no way back.")
        return 1
    answer = asked(settings, Request(ask=Ask.FORGET, who=arguments.who, account=account))
    if answer is None:
        answer = asyncio.run(_alone(settings, arguments.who, account))
    for line in _told(answer):
        print(line)
    return 0


async def _alone(settings: Settings, who: str, account: str) -> Mapping[str, Any]:
    """Forget while no daemon runs; none can start meanwhile. Raises StateLocked, UsageError."""
    max_age_ms = max(one.limits.max_age.ms for one in settings.accounts)
    now_ms = time.time_ns() // 1_000_000
    probe = await SqliteStore.open_readonly(settings.database)  # where nothing is, nothing is made
    await probe.close()
    with FileLease(settings.state_dir) as lease:
        store = await SqliteStore.open(settings.database, lease)
        try:
            answer = await forget(store, settings.state_dir, who, account, now_ms=now_ms, max_age_ms=max_age_ms)
        finally:
            await store.close()
    if isinstance(answer, Refusal):
        raise UsageError(answer.what, remedy=answer.remedy)
    return answer


def _told(answer: Mapping[str, Any]) -> list[str]:
    whole, emptied = len(answer["orders"]), len(answer["emptied"])
    what = _count(whole, "order") if whole or not emptied else ""
    what += (" and " if what else "") + f"the texts of {_count(emptied, 'order')}" if emptied else ""
    lines = [f"Forgotten: {what}; {_count(answer['rows'], 'row')}, {_count(answer['pictures'], 'picture')}."]
    for account, order_no in answer["emptied"]:
        lines.append(
            f"Order {order_no} of account {account} is open or of the last hours: its texts are gone, its message "
            "numbers stay, so that nothing is answered twice. Forget it again when it is over."
        )
    if not answer["wiped"]:
        lines.append("Somebody reads the database at this moment; its log is emptied when that ends.")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
