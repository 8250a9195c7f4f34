"""``p2pbot why``: what was decided about an order's messages, and what became of the replies."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint, clock_time, columns, print_json, shown
from p2pbot.cli.words import ACTIONS, STATES, reason_words, rule_words
from p2pbot.conversation.account_events import about_of
from p2pbot.conversation.control import ALL
from p2pbot.conversation.records import HAND_RULE, Action, InboxEntry, OutboxRow
from p2pbot.errors import UsageError
from p2pbot.model import Reason
from p2pbot.rules.verdict import Outcome, RuleTrace

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Shows every message and event of an order that p2pbot has decided about: when and how it learnt of it, whether it
answered and why, what each rule said, what became of the replies, and what a person had p2pbot do there. It reads the
state directory alone; the daemon may run or not. Times are the exchange's, shown in this machine's time zone."""
_MORE = """\
examples:
  p2pbot why 20476365073825144832
  p2pbot why 20476365073825144832 3        the third message of that list
  p2pbot why 20476365073825144832 --text   with whole texts; they may hold names and bank data

exit codes: 0 shown, 1 nothing is known of this order or message, 78 configuration or state directory"""
_RECKONED_MS = 2_000  # our reckoning is behind by 0.6 s at most, the exchange's own machines differ a little
_EXCERPT = 60  # characters of an inbound text: enough to recognise it


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("why", help="why was a message answered, or not", description=_ABOUT, epilog=_MORE)
    parser.add_argument("order", metavar="ORDER", help="the order's number")
    parser.add_argument("message", metavar="MESSAGE", nargs="?", help="its number in the list, or its id")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--text", action="store_true", help="show the texts whole, those of the replies too")
    parser.set_defaults(handler=_why)


def _why(arguments: argparse.Namespace) -> int:
    database = settings_of(arguments).database
    entries, replies, actions = asyncio.run(_read(database, arguments.order))
    if not entries and not replies and not actions:
        print(f"Nothing is known of the order {shown(arguments.order, 40)}: no message or event of it was decided.")
        return 1
    numbered = list(enumerate(entries, start=1))
    if arguments.message:
        numbered = _chosen(numbered, arguments.message, arguments.order)
        keys = {(entry.account, entry.key) for _, entry in numbered}
        replies = tuple(row for row in replies if (row.account, row.stimulus_key) in keys)
    if arguments.json:
        document = _document(arguments.order, numbered, replies, text=arguments.text)
        print_json(document | {"actions": [asdict(action) for action in actions]})
    else:
        print("\n".join((*_page(arguments.order, numbered, replies, text=arguments.text), *_actions(actions))))
    return 0


async def _read(
    database: Path, order_no: str
) -> tuple[tuple[InboxEntry, ...], tuple[OutboxRow, ...], tuple[Action, ...]]:
    store = await SqliteStore.open_readonly(database)
    try:
        return await store.inbox(order_no), await store.outbox(order_no), await store.actions(order_no)
    finally:
        await store.close()


def _chosen(numbered: list[tuple[int, InboxEntry]], wanted: str, order_no: str) -> list[tuple[int, InboxEntry]]:
    """Return the messages that ``wanted`` means: an id, a uuid or a key first, else the number in the list."""
    by_id = [(at, entry) for at, entry in numbered if wanted in (entry.message_id, entry.uuid, entry.key)]
    found = by_id or [(at, entry) for at, entry in numbered if wanted == str(at)]
    if not found:
        raise UsageError(
            f"the order has no message {shown(wanted, 40)}", remedy=f"p2pbot why {shown(order_no, 40)} lists them"
        )
    return found


def traces(entry: InboxEntry) -> tuple[RuleTrace, ...]:
    """Return the stored trace; one that cannot be read is empty."""
    try:
        lines = json.loads(entry.trace)
    except ValueError:
        return ()
    return (
        tuple(RuleTrace.from_json(line) for line in lines if isinstance(line, dict)) if isinstance(lines, list) else ()
    )


def _page(
    order_no: str, numbered: Sequence[tuple[int, InboxEntry]], replies: Iterable[OutboxRow], *, text: bool
) -> Iterator[str]:
    paint, rows = Paint(), list(replies)
    accounts = sorted({entry.account for _, entry in numbered} | {row.account for row in rows})
    yield paint("bold", f"order {shown(order_no, 40)}") + f" · account {', '.join(accounts)}"
    for number, entry in numbered:
        yield ""
        yield from _decided(number, entry, paint, text=text)
        mine = [row for row in rows if (row.account, row.stimulus_key) == (entry.account, entry.key)]
        rows = [row for row in rows if row not in mine]
        for row in mine:
            yield from _reply(row, paint, text=text)
    for row in rows:
        yield ""
        yield from _reply(row, paint, text=text)


def _decided(number: int, entry: InboxEntry, paint: Paint, *, text: bool) -> Iterator[str]:
    said = f" «{shown(entry.text, 2000 if text else _EXCERPT)}»" if entry.text else ""
    colour = "green" if entry.reason is Reason.ANSWERED else "yellow"
    at = clock_time(entry.created_at_ms or entry.decided_at_ms)
    yield f"{number:3}  {at}  {_kind(entry)}{said}"
    yield f"     {paint(colour, entry.reason.value)}: {reason_words(entry.reason)}"
    learnt = f"decided {clock_time(_decided_ms(entry))}, learnt by {entry.path.value}"
    rules = f", rules {shown(entry.ruleset[:12])}" if entry.ruleset else ""
    name = f", id {shown(entry.message_id or entry.uuid, 40)}" if entry.message_id or entry.uuid else ""
    yield paint("dim", f"     {learnt}{rules}{name}")
    table = [(f"     {shown(line.rule_id, 40)}", _rule(line, paint), shown(line.where, 120)) for line in traces(entry)]
    yield from columns(table)


def _decided_ms(entry: InboxEntry) -> int:
    """Return when a message was decided, not before it was made.

    We reckon the exchange's time and err into the past on purpose (``protocol.server_clock``): a message that was
    decided at once would seem to be younger than its decision.
    """
    early_ms = entry.created_at_ms - entry.decided_at_ms
    return entry.created_at_ms if 0 < early_ms <= _RECKONED_MS else entry.decided_at_ms


def _kind(entry: InboxEntry) -> str:
    about = shown(about_of(entry.key), 80)
    return f"{entry.kind.value} of ours" if entry.from_us else f"{entry.kind.value}  {about}".rstrip()


def _rule(line: RuleTrace, paint: Paint) -> str:
    words = shown(rule_words(line), 300)
    return paint("green", words) if line.outcome is Outcome.FIRED else words


def _reply(row: OutboxRow, paint: Paint, *, text: bool) -> Iterator[str]:
    why = f" – {reason_words(row.reason)}" if row.reason else ""
    tries = f", {row.attempts} tries" if row.attempts > 1 else ""
    at = clock_time(row.settled_at_ms or row.sending_at_ms or row.created_at_ms)
    whose = "text by hand" if row.rule_id == HAND_RULE else f"reply of {shown(row.rule_id, 40)}"
    again = ", tried again by hand" if row.is_by_hand and row.rule_id != HAND_RULE else ""
    yield f"     → {whose}{again}: {paint('bold', STATES[row.state])}{why} ({at}{tries})"
    if text:
        yield f"       «{shown(row.text)}»"


def _actions(actions: Sequence[Action]) -> Iterator[str]:
    """Yield what people did, oldest first."""
    if actions:
        yield ""
    for action in actions:
        everywhere = ", for all orders" if action.order_no == ALL else ""
        detail = f" ({shown(action.detail, 100)})" if action.detail else ""
        yield f"     {clock_time(action.at_ms)}  by hand: {ACTIONS[action.word]}{everywhere}{detail}"


def _document(
    order_no: str, numbered: Sequence[tuple[int, InboxEntry]], replies: Iterable[OutboxRow], *, text: bool
) -> dict[str, object]:
    messages = [
        asdict(entry) | {"number": number, "trace": [line.to_json() for line in traces(entry)]}
        for number, entry in numbered
    ]
    hidden = () if text else ("text",)
    rows = [{key: value for key, value in asdict(row).items() if key not in hidden} for row in replies]
    return {"order_no": order_no, "messages": messages, "replies": rows}
