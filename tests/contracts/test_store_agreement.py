"""The fake and the real store, driven through the same random lives, answer alike at every step."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import Claim, InboxEntry, Mute, OrderMemory, OutboxRow, OutboxState
from p2pbot.errors import OurError
from p2pbot.model import EventKind, FiringMark, LimitScope, MessageKind, OrderStatus, Reason, Side
from p2pbot.model import Path as LearntBy
from p2pbot.ports import Store
from tests.fakes.records import PICTURE
from tests.fakes.store import MemoryStore, SwitchedLease

T = TypeVar("T")
NOW_MS = 1_767_600_000_000
DAY_MS = 86_400_000

# Few values of each, so that they meet.
accounts = st.sampled_from(["main", "second"])
orders = st.sampled_from(["1", "2"])
ids = st.sampled_from(["", "", "m1", "m2", "m3"])
uuids = st.sampled_from(["", "", "a", "b", "\ud800"])
keys = st.sampled_from(["k1", "k2", "e:order_paid"])
persons = st.sampled_from(["", "anna", "boris"])
days = st.sampled_from(
    ["2026-01-03/anna", "2026-01-04/1", "2026-01-05", "2026-01-05/boris", "2026-01-06/", "2026-01-07"]
)
texts = st.sampled_from(["hi", "hi ", "ho", "", "\udfff?"])
ages = st.sampled_from(
    [-5, 0, 59_999, 60_000, 3_599_999, 3_600_000, DAY_MS, 2 * DAY_MS, 31 * DAY_MS, 91 * DAY_MS, 400 * DAY_MS]
)
times = ages.map(lambda age: NOW_MS - age)
states = st.sampled_from(OutboxState)

entries = st.builds(
    InboxEntry,
    account=accounts,
    order_no=orders,
    key=keys,
    kind=st.sampled_from(
        [MessageKind.TEXT, MessageKind.TEXT, MessageKind.IMAGE, MessageKind.AUTO_REPLY, EventKind.ORDER_PAID]
    ),
    path=st.sampled_from(LearntBy),
    reason=st.sampled_from([Reason.ANSWERED, Reason.NO_RULE]),
    message_id=ids,
    uuid=uuids,
    text=texts,
    from_us=st.sampled_from([None, True, False, False]),
    created_at_ms=times,
    decided_at_ms=times,
    trace=st.sampled_from(["[]", "[1]"]),
)
marks = st.builds(
    FiringMark,
    group=st.sampled_from(["g", "h"]),
    scope=st.sampled_from(LimitScope),
    scope_id=persons | orders | days,
    at_ms=times,
)
memories = st.builds(
    OrderMemory,
    account=accounts,
    order_no=orders,
    status=st.sampled_from(OrderStatus),
    side=st.none() | st.sampled_from(Side),
    created_at_ms=st.none() | times,
    seen_at_ms=times,
    last_operator_ms=st.just(0) | times,
    counterparty_key=persons,
    mute=st.none() | st.builds(Mute, reason=st.just(Reason.BREAKER), since_ms=times, until_ms=st.none() | times),
)
reply_plans = st.lists(st.tuples(states, times), max_size=3)


class TwoStores(RuleBasedStateMachine):
    """Whatever is asked of one is asked of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.lease = SwitchedLease()
        self.memory = MemoryStore(self.lease)
        self.sqlite = self.opened()
        self.replies = 0

    def opened(self) -> SqliteStore:
        """Open the file."""
        return self.runner.run(SqliteStore.open(Path(self.directory.name) / "state.db", self.lease))

    def teardown(self) -> None:
        """Close and remove everything."""
        self.runner.run(self.sqlite.close())
        self.runner.close()
        self.directory.cleanup()

    def both(self, ask: Callable[[Store], Coroutine[Any, Any, T]]) -> T | None:
        """Ask both stores and compare; None stands for OurError."""
        answers: list[T | None] = []
        for store in (self.memory, self.sqlite):
            try:
                answers.append(self.runner.run(ask(store)))
            except OurError:
                answers.append(None)
        assert answers[0] == answers[1]
        return answers[0]

    @rule(entry=entries, plans=reply_plans, firings=st.lists(marks, max_size=3), memory=st.none() | memories)
    def claim(
        self,
        entry: InboxEntry,
        plans: list[tuple[OutboxState, int]],
        firings: list[FiringMark],
        memory: OrderMemory | None,
    ) -> None:
        """Decide something."""
        rows = tuple(self.reply(entry, state, at_ms) for state, at_ms in plans)
        whole = Claim(entry=entry, replies=rows, firings=tuple(firings), memory=memory)
        self.both(lambda store: store.is_decided(entry))
        self.both(lambda store: store.claim(whole))
        self.look(entry.account, entry.order_no, "anna")

    def reply(self, entry: InboxEntry, state: OutboxState, at_ms: int) -> OutboxRow:
        """Return a new reply; every tenth takes a uuid again."""
        self.replies += 1
        uuid = str(self.replies if self.replies % 10 else 1)
        return OutboxRow(
            uuid=uuid,
            account=entry.account,
            order_no=entry.order_no,
            rule_id="r",
            stimulus_key=entry.key,
            text=f"reply {uuid}",
            state=state,
            created_at_ms=at_ms,
            picture=PICTURE if self.replies % 2 else None,
        )

    @rule(account=accounts, expected=states, state=states, pick=st.integers(0, 50))
    def advance(self, account: str, expected: OutboxState, state: OutboxState, pick: int) -> None:
        """Move a reply."""
        pending = self.both(lambda store: store.pending(account))
        if pending:
            row = replace(
                pending[pick % len(pending)], state=state, attempts=pick, sending_at_ms=pick, reason=Reason.NO_ECHO
            )
            if row.picture is not None and pick % 3:
                row = replace(row, image_url=f"https://pictures.invalid/{pick}", uploaded_at_ms=pick % 7)
            self.both(lambda store: store.advance(row, expected))

    @rule(account=accounts, order_no=orders | st.just(""), since_ms=st.integers(0, 6))
    def look_for_an_upload(self, account: str, order_no: str, since_ms: int) -> None:
        """Compare where a picture lies."""
        sha256 = PICTURE.sha256
        self.both(lambda store: store.uploaded(account, sha256, order_no=order_no, since_ms=since_ms))

    @rule(account=accounts, age_ms=ages)
    def presign(self, account: str, age_ms: int) -> None:
        """Note a call for a place to upload to, as of some time."""
        self.both(lambda store: store.presigning(account, NOW_MS + age_ms))
        self.both(lambda store: store.presigned(account, NOW_MS))

    @rule(memory=memories)
    def remember(self, memory: OrderMemory) -> None:
        """Remember an order."""
        self.both(lambda store: store.remember(memory))

    @rule(account=accounts | st.just("*"), order_no=orders | st.just("*"), paused=st.booleans())
    def pause(self, account: str, order_no: str, *, paused: bool) -> None:
        """Pause or resume."""
        self.both(lambda store: store.set_paused(account, order_no, paused=paused))
        self.both(lambda store: store.paused())

    @rule(account=accounts)
    def switch_lease(self, account: str) -> None:
        """Lose an account's lease, or get it back."""
        self.lease.lost ^= {account}

    @rule(account=accounts, order_no=orders, person=persons)
    def look(self, account: str, order_no: str, person: str) -> None:
        """Compare all that can be asked of an order."""
        self.both(lambda store: store.talk(account, order_no, person, NOW_MS))
        self.both(lambda store: store.recall(account, order_no))
        self.both(lambda store: store.inbox(order_no))
        self.both(lambda store: store.outbox(order_no))

    @rule(account=accounts)
    def look_around(self, account: str) -> None:
        """Compare what is asked of an account."""
        self.both(lambda store: store.open_orders(account))
        self.both(lambda store: store.pending(account))
        self.both(lambda store: store.tally())

    @rule(age_ms=ages)
    def prune(self, age_ms: int) -> None:
        """Forget, as of some time."""
        self.both(lambda store: store.prune(NOW_MS + age_ms))
        self.both(lambda store: store.tally())

    @rule()
    def restart(self) -> None:
        """Start both again."""
        self.memory = self.memory.reopened()
        self.runner.run(self.sqlite.close())
        self.sqlite = self.opened()


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
