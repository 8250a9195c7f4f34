"""The clerk over the real tables: harmed frames and history rows of one talk, one after the other.

Promise: only what a person of the other side typed or showed is answered, once, and never after a person of ours
wrote; what was decided is stored, and what is stored can be written to the chat.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from p2pbot.adapters.sqlite.schema import STEPS
from p2pbot.adapters.sqlite.store import SqliteStore
from p2pbot.adapters.sqlite.transaction import transaction
from p2pbot.adapters.sqlite.worker import Worker
from p2pbot.conversation.decision import Policy, message_key
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.clerk import Clerk
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.model import ChatMessage, Mode
from p2pbot.protocol.frames import parse_frame, parse_history_row
from p2pbot.protocol.outbound import text_frame
from tests.fakes.chance import FixedChance
from tests.fakes.occasions import an_order, rules
from tests.fakes.store import SwitchedLease
from tests.fakes.world import Brakes, FactsRest, NoWire, PictureStore, Recorder, StillClock, not_connected
from tests.fuzz import corpus
from tests.fuzz.corpus import NOW_MS, ORDER
from tests.fuzz.mutation import harmed_json, pick, trees
from tests.fuzz.shapes import check
from tests.fuzz.target import Input, Target
from tests.fuzz.targets.frames import may_be_answered

T = TypeVar("T")
_PLAN = AccountPlan(name="main", policy=Policy(mode=Mode.LIVE))
_RULES = rules("""
  - {id: paid, words: [paid, "оплат*", 付款], when: {operator_idle: 0s}, limit: {every: 1ms},
     reply: "you said {{ message.text }}"}
  - {id: picture, on: image, when: {operator_idle: 0s}, limit: {every: 1ms},
     reply: "seen, {{ counterparty.nickname | default('you') }}"}
  - {id: ours, on: operator_message, notify: "taken over {{ order.number }}"}
  - {id: any, when: {operator_idle: 0s}, limit: {every: 1ms}, reply: "{{ counterparty.first_name }}"}
""").ruleset
_SPOKEN = trees(*corpus.FRAMES, corpus.TEXT, {**corpus.TEXT, "id": "1009", "uuid": "u-10", "content": "paid?"})
_STEP_MS = 1_000  # between two frames of a talk
_SOUND_TIME = f'"createTime":{corpus.TEXT["createTime"]}'
_TABLES = ("firings", "outbox", "inbox", "orders")
_PEOPLES = ("text", "image", "video", "card")


class DirectWorker(Worker):
    """The store's worker without its thread: each transaction on the spot, in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def _transaction(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._connection is not None
        if not begin:
            return work(self._connection)
        with transaction(self._connection, begin):
            return work(self._connection)


def _opened() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for step in STEPS:
        for statement in step:
            connection.execute(statement)
    return connection


class EmptyDesk:
    """Nothing waits behind the item that is decided."""

    def take_ours(self, order_no: str) -> tuple[ChatMessage, ...]:  # noqa: ARG002 - the same for every order
        """Return nothing."""
        return ()

    def coming(self, order_no: str) -> tuple[ChatMessage, ...]:  # noqa: ARG002 - the same for every order
        """Return nothing."""
        return ()


@dataclass
class Office:
    """A clerk with the real tables, used for one talk after the other."""

    connection: sqlite3.Connection = field(default_factory=_opened)
    clock: StillClock = field(default_factory=lambda: StillClock(NOW_MS))

    def clerk(self) -> tuple[Clerk, SqliteStore, Recorder]:
        """Return a clerk who remembers nothing, and the store with nothing in it."""
        for table in _TABLES:
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self.clock.at_ms = NOW_MS
        told, store = Recorder(), SqliteStore(DirectWorker(self.connection), SwitchedLease())
        order = an_order(number=ORDER, created_at_ms=NOW_MS - 60_000)
        doors = Doors(
            rest=FactsRest({ORDER: order}),
            wire=NoWire(),
            store=store,
            lease=SwitchedLease(),
            clock=self.clock,
            rng=FixedChance(),
            events=told,
            notifier=told,
            brake=Brakes(),
            uploader=PictureStore(),
            shelf=PictureStore(),
        )
        rulebook = Rulebook("main", dict, told, told)
        rulebook.adopt(_RULES)
        sender = Sender(
            _PLAN,
            doors,
            write=not_connected,
            online=lambda: False,
            look=lambda _order, _since_ms: None,
            suspect=lambda _written_ms: None,
        )
        book = OrderBook(_PLAN, doors)
        return Clerk(_PLAN, doors, book, sender, rulebook, lambda _message: None, EmptyDesk()), store, told


_OFFICE: list[Office] = []


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits, without a loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise AssertionError("it waits for something")


def _a_talk(rng: Random) -> Input:
    count = 1 + int(rng.random() ** 2 * 6)
    return tuple(pick(rng, ("s", "s", "h")) + _said_at(NOW_MS + at * _STEP_MS, rng) for at in range(count))


def _said_at(at_ms: int, rng: Random) -> str:
    """Return a frame of its time, mostly: one that is older than a person's word is not answered anyhow."""
    frame = harmed_json(_SPOKEN[int(rng.random() * len(_SPOKEN))], rng, 3)
    return frame.replace(_SOUND_TIME, f'"createTime":{at_ms}', 1) if rng.random() < 0.8 else frame


def _message(item: str) -> ChatMessage | None:
    if item[:1] == "s":
        frame = parse_frame(item[1:])
        return frame if isinstance(frame, ChatMessage) else None
    try:
        return parse_history_row(json.loads(item[1:]), ORDER)
    except (ValueError, RecursionError):
        return None


def _is_ours(raw: str) -> bool:
    """Whether a frame shows a person of ours who wrote in the order, read without the code under test."""
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    kind = isinstance(frame, dict) and frame.get("type")
    return kind in _PEOPLES and frame.get("self") is True and frame.get("orderNo") == ORDER


def _judge(given: Input) -> str:
    if not _OFFICE:
        _OFFICE.append(Office())
    office = _OFFICE[0]
    clerk, store, told = office.clerk()
    allowed, taken, before = set[str](), False, 0
    for item in given:
        message = _message(item)
        if message is None:
            continue
        if may_be_answered(_with_order(item)) and message.from_us is False:
            allowed.add(message_key(message))
        at_once(clerk.take(message))
        rows = at_once(store.outbox(ORDER))
        assert not taken or len(rows) == before, "answered after a person of ours wrote"
        taken, before = taken or _is_ours(item[1:]), len(rows)
        office.clock.at_ms += _STEP_MS
    rows = at_once(store.outbox(ORDER))
    entries = at_once(store.inbox(ORDER))
    _judge_rows(rows, allowed)
    check(entries, tuple[InboxEntry, ...])
    keys = [(entry.key, entry.message_id) for entry in entries]
    assert len(set(keys)) == len(keys), "decided twice"
    assert not any(name == "decided" and "text" in values for name, values in told.events)
    return f"{len(rows)} {sorted({entry.reason.value for entry in entries})[:3]}"


def _with_order(item: str) -> str:
    """Return the frame as the oracle reads it: a history row that names no order is of the one that was asked for."""
    if item[:1] == "s":
        return item[1:]
    row = json.loads(item[1:])
    named = isinstance(row, dict) and any(isinstance(row.get(key), str | int) for key in ("orderNo", "topicId"))
    return item[1:] if named or not isinstance(row, dict) else json.dumps({**row, "orderNo": ORDER})


def _judge_rows(rows: tuple[OutboxRow, ...], allowed: set[str]) -> None:
    check(rows, tuple[OutboxRow, ...])
    assert len({row.stimulus_key for row in rows}) == len(rows), "one message was answered twice"
    for row in rows:
        assert row.stimulus_key in allowed, f"answered what is not a person's word: {row.stimulus_key}"
        frame = text_frame(row.uuid, row.order_no, row.text, NOW_MS)
        assert json.loads(frame.encode())["content"] == row.text, "what is written is not what was stored"


TALK = Target("talk", _a_talk, _judge)
