"""An account's figures and events: what they reach, and what never reaches the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

import pytest

from p2pbot.conversation.decision import Policy
from p2pbot.daemon.account_context import MOST_ORDERS, AccountContext, SourceLoops
from p2pbot.daemon.desk import Item, Rang
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import EventKind, Mode, Reason
from p2pbot.ports import AccountSink
from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    AccountUpdate,
    FuturesBalance,
    MarginCall,
    OrderState,
    OrderUpdate,
    Source,
)
from p2pbot.rules.figures import NO_FIGURES, found
from p2pbot.rules.ruleset import RuleSet, load_rules
from tests.fakes.occasions import NOW_MS
from tests.fakes.world import StillClock, World

_LOW = "{id: low, on: balance_below, when: {balance: {USDT: '<100'}}, notify: low}"
_FILLED = "{id: filled, on: futures_order_filled, when: {futures: {order.hedge-*: filled}}, notify: filled}"
_CALLED = "{id: called, on: margin_call, notify: called}"
_IN_ORDERS = "{id: wait, on: margin_call, when: {order_status: unpaid}, reply: One moment.}"


def loaded(*rules: str) -> RuleSet:
    """Return a set of rules."""
    text = "version: 1\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules)
    ruleset = load_rules({"a.yaml": text}).ruleset
    assert ruleset is not None
    return ruleset


@dataclass
class Office:
    """A context with its world: the orders that it may ask, and what it put to them."""

    rules: RuleSet
    mode: Mode = Mode.LIVE
    world: World = field(default_factory=lambda: World(StillClock(NOW_MS)))
    orders: list[str] = field(default_factory=lambda: ["11", "12"])
    put: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the context."""
        plan = AccountPlan(name="main", policy=Policy(mode=self.mode), sources=frozenset({Source.FUTURES}))
        self.context = AccountContext(
            plan, self.world.doors(), lambda: self.rules, lambda: self.orders, self.put.append
        )

    def connect(self, amount: int = 150, *, orders: tuple[OrderState, ...] = ()) -> None:
        """Let the futures stream catch up."""
        now_ms = self.world.clock.at_ms
        self.context.gap_opened(Source.FUTURES, now_ms)
        snapshot = AccountSnapshot(as_of_ms=now_ms, balances={"USDT": Decimal(amount)}, orders=orders)
        self.context.snapshot(Source.FUTURES, snapshot)
        self.context.gap_closed(Source.FUTURES, now_ms)

    def balance(self, amount: int) -> None:
        """Let the stream tell of a new balance."""
        now_ms = self.world.clock.at_ms
        balances = (FuturesBalance(asset="USDT", wallet=Decimal(amount)),)
        self.context.event(Source.FUTURES, AccountUpdate(at_ms=now_ms, transacted_ms=now_ms, balances=balances))

    def fill(self, client_order_id: str, order_id: str = "7") -> None:
        """Let the stream tell of a fill."""
        now_ms = self.world.clock.at_ms
        self.context.event(
            Source.FUTURES,
            OrderUpdate(
                at_ms=now_ms,
                transacted_ms=now_ms,
                symbol="BTCUSDT",
                order_id=order_id,
                client_order_id=client_order_id,
                status="FILLED",
            ),
        )

    def told(self) -> list[str]:
        """Return what the operator was told."""
        return [notice.text for notice in self.world.told.notices]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the context's loops for a while."""
        task = asyncio.create_task(self.context.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def reasons(self, count: int) -> list[Reason]:
        """Return why the account's events ended as they did, once there are so many."""
        await until(lambda: len(self.world.store.disk.inbox.get(("main", "account"), ())) >= count)
        return [entry.reason for entry in await self.world.store.inbox("account")]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the condition is the test's own
            await asyncio.sleep(0.001)


async def test_figures_are_those_of_the_stream_while_rules_ask() -> None:
    """Rules that ask for nothing cost nothing."""
    office = Office(loaded("{id: a, words: hi, when: {futures: {balance.USDT: '>1'}}, reply: hi}"))
    office.connect(5)
    assert found(office.context.figures().futures, "balance.USDT") == 5
    office.rules = loaded("{id: a, words: hi, reply: hi}")
    assert office.context.figures() is NO_FIGURES


async def test_a_bug_behind_the_figures_never_reaches_who_asks() -> None:
    """They are not known then; it is said once."""
    office = Office(loaded(_LOW))
    office.connect()
    office.context._facts._told[Source.FUTURES].positions = None  # type: ignore[assignment]  # a bug, planted
    assert [office.context.figures() for _ in range(3)] == [NO_FIGURES] * 3
    assert office.context.status() == {"failed": True}
    assert [name for name, _ in office.world.told.events] == ["account_context_failed"]


async def test_a_balance_that_falls_is_told_once() -> None:
    """Recorded under the account, with its reason."""
    office = Office(loaded(_LOW))
    async with office.running():
        office.connect(150)
        office.balance(90)
        office.balance(80)
        assert await office.reasons(1) == [Reason.ANSWERED]
    assert office.told() == ["low (balance.USDT <100)"]


async def test_what_a_gap_hid_is_told_when_it_is_over() -> None:
    """A watched order that the snapshot shows as filled; the stream's word of the same fill is no second event."""
    office = Office(loaded(_FILLED))
    order = OrderState(
        symbol="BTCUSDT", order_id="7", client_order_id="hedge-1", status="FILLED", updated_ms=NOW_MS - 1_000
    )
    async with office.running():
        office.connect(orders=(order,))
        office.fill("hedge-1")
        office.fill("hedge-2", "8")
        assert await office.reasons(2) == [Reason.ANSWERED, Reason.ANSWERED]
    assert office.told() == ["filled (order.hedge-1)", "filled (order.hedge-2)"]


async def test_an_event_in_a_gap_is_not_decided_before_its_end() -> None:
    """A rule that asks for a figure would find it unknown, and the event would be used up."""
    office = Office(loaded(_FILLED))
    filled = OrderState(symbol="BTCUSDT", order_id="7", client_order_id="hedge-1", status="FILLED", updated_ms=NOW_MS)
    office.context.gap_opened(Source.FUTURES, NOW_MS)
    async with office.running():
        office.fill("hedge-1")
        for _ in range(20):
            await asyncio.sleep(0)  # every loop has had its turns
        office.connect(orders=(filled,))
        await until(lambda: bool(office.told()))
        assert office.told() == ["filled (order.hedge-1)"]


async def test_an_event_that_no_rule_is_on_is_not_written_down() -> None:
    """A busy trader's fills would fill the disk."""
    office = Office(loaded(_CALLED))
    async with office.running():
        office.connect()
        office.fill("grid-1")
        office.context.event(Source.FUTURES, MarginCall(at_ms=NOW_MS))
        assert await office.reasons(1) == [Reason.ANSWERED]
    assert [entry.kind for entry in await office.world.store.inbox("account")] == [EventKind.MARGIN_CALL]


async def test_rules_that_name_orders_are_put_to_the_open_ones() -> None:
    """The newest first, a bounded number of them, each as an event of its own order."""
    office = Office(loaded(_IN_ORDERS), orders=[str(number) for number in range(MOST_ORDERS + 50)])
    async with office.running():
        office.connect()
        office.context.event(Source.FUTURES, MarginCall(at_ms=NOW_MS))
        await until(lambda: len(office.put) == MOST_ORDERS)
    first = office.put[0]
    assert isinstance(first, Rang)
    assert (first.order_no, first.stimulus.order_no, first.stimulus.about) == ("0", "0", "the account")
    assert "account_event_cut" in [name for name, _ in office.world.told.events]


@pytest.mark.parametrize(("mode", "paused"), [(Mode.SHADOW, False), (Mode.LIVE, True)])
async def test_paused_and_in_shadow_nothing_is_told(mode: Mode, paused: bool) -> None:  # noqa: FBT001 - a table
    """It is recorded with its reason."""
    office = Office(loaded(_CALLED), mode=mode)
    office.world.brakes.set_for = {"main"} if paused else set()
    async with office.running():
        office.connect()
        office.context.event(Source.FUTURES, MarginCall(at_ms=NOW_MS))
        assert await office.reasons(1) == [Reason.PAUSED if paused else Reason.SHADOW]
    assert office.told() == []


async def test_more_events_than_can_wait_are_counted_and_dropped() -> None:
    """Bounded, and said."""
    office = Office(loaded("{id: filled, on: futures_order_filled, notify: filled}"))
    office.connect()
    for number in range(130):
        office.fill("grid", str(number))
    assert office.context.events_dropped == 30
    assert office.context.status()["events_dropped"] == 30


async def test_more_events_than_a_gap_can_hold_are_counted_and_dropped() -> None:
    """What happened while nobody knew the account is bounded as well, and said."""
    office = Office(loaded("{id: filled, on: futures_order_filled, notify: filled}"))
    office.context.gap_opened(Source.FUTURES, NOW_MS)
    for number in range(130):
        office.fill("grid", str(number))
    assert office.context.events_dropped == 30


@pytest.mark.parametrize("bug", [False, True])
async def test_what_ends_with_the_daemon_is_ended_then_only(bug: bool) -> None:  # noqa: FBT001 - a column
    """Loops that are begun anew after a bug leave the listenKey alone; the daemon's end closes it where it should."""
    office = Office(loaded("{id: filled, on: futures_order_filled, notify: filled}"))
    log: list[str] = []

    def feeder(_sink: AccountSink) -> SourceLoops:
        log.append("made")

        async def runs() -> NoReturn:
            if bug and len(log) == 1:
                raise ValueError("a bug")
            log.append("runs")
            await asyncio.Event().wait()
            raise AssertionError("it waits for ever")

        async def close() -> None:
            log.append("closed")

        return SourceLoops(loops={"stream": runs}, close=close)

    office.context.attach({Source.FUTURES: feeder})
    async with office.running():
        await until(lambda: "runs" in log)
    assert log == [*(["made"] * (1 + bug)), "runs", "closed"]


async def test_loops_that_fail_take_their_facts_along_and_begin_anew() -> None:
    """The source is not known from that moment; a new set of loops is made, and only it can tell anew."""
    office = Office(loaded(_LOW.replace("balance:", "futures:").replace("USDT", "balance.USDT")))
    made: list[asyncio.Event] = []

    def feeder(sink: AccountSink) -> SourceLoops:
        assert sink is office.context
        broken = asyncio.Event()
        made.append(broken)

        async def fails() -> NoReturn:
            await broken.wait()
            raise ValueError("a bug")

        async def waits() -> NoReturn:
            await asyncio.Event().wait()
            raise AssertionError("it waits for ever")

        return SourceLoops(loops={"stream": fails, "session": waits}, status=lambda: {"made": len(made)})

    office.context.attach({Source.FUTURES: feeder})
    async with office.running():
        await until(lambda: len(made) == 1)
        office.connect(5)
        made[0].set()
        await until(lambda: len(made) == 2)
        assert office.context.figures().futures == {}
        assert office.context.status()["feeds"] == {"futures": {"made": 2}}
        assert office.context.status()["failures"] == 1
