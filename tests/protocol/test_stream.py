"""A stream's core: one recovery for all causes, and an account that is the same whatever order things come in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import ConnectionLost, IllegalTransition, KeyRefused, P2pbotError, RateLimited, RequestRefused
from p2pbot.protocol.stream import (
    LIFE_MS,
    MOST_BUFFERED,
    STREAM,
    Cause,
    Command,
    GapClosed,
    GapOpened,
    News,
    Snapshot,
    Stream,
    StreamEvent,
    StreamState,
)
from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    AccountUpdate,
    FuturesBalance,
    MarginCall,
    OrderState,
    OrderUpdate,
    UserDataEvent,
)
from tests.fakes.chance import FixedChance

ROWS = {
    ("waiting", "try"): "opening",
    ("waiting", "recover"): "waiting",
    ("opening", "opened"): "catching_up",
    ("opening", "failed"): "waiting",
    ("opening", "recover"): "waiting",
    ("catching_up", "caught_up"): "live",
    ("catching_up", "failed"): "catching_up",
    ("catching_up", "recover"): "waiting",
    ("live", "recover"): "waiting",
}
LEAST, MOST = FixedChance(0.0), FixedChance(1.0)
NOTHING = AccountSnapshot(as_of_ms=0)
LOST = ConnectionLost("over")
HOUR_MS = 3_600_000


@pytest.mark.parametrize("state", StreamState)
@pytest.mark.parametrize("event", StreamEvent)
def test_table(state: StreamState, event: StreamEvent) -> None:
    """Each pair of the table leads where the table says; every other pair is an error."""
    if (state.value, event.value) in ROWS:
        assert STREAM.next(state, event).value == ROWS[state.value, event.value]
    else:
        with pytest.raises(IllegalTransition):
            STREAM.next(state, event)


def call(number: int) -> MarginCall:
    """Return an event that differs from those of other numbers."""
    return MarginCall(at_ms=number)


def opened(stream: Stream, now_ms: int = 0) -> int:
    """Bring a stream to where its snapshot is asked for."""
    attempt = stream.begin()
    assert stream.opened(attempt, now_ms, LEAST)
    stream.asking()
    return attempt


def live(now_ms: int = 0) -> Stream:
    """Return a stream that is live since ``now_ms``."""
    stream = Stream()
    stream.caught_up(opened(stream, now_ms), NOTHING, now_ms)
    return stream


def test_a_stream_is_live_after_its_snapshot() -> None:
    """The snapshot comes first, then what came meanwhile, in its order, then the gap is closed."""
    stream = Stream()
    attempt = opened(stream)
    assert stream.heard(call(1)) == ()
    assert stream.heard(call(2)) == ()
    assert stream.caught_up(attempt, NOTHING, 0) == (Snapshot(NOTHING), News(call(1)), News(call(2)), GapClosed())
    assert not stream.gap
    assert stream.heard(call(3)) == (News(call(3)),)
    assert stream.heard(call(1)) == ()


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_the_same_recovery(cause: Cause) -> None:
    """Whatever took the stream down opens the gap, once, and has the next try come."""
    stream = live()
    assert stream.recover(cause, stream.attempt, HOUR_MS, LEAST) == (GapOpened(),)
    assert (stream.state, stream.cause, stream.gap, stream.recoveries) == (StreamState.WAITING, cause, True, 1)


def test_many_causes_are_one_recovery() -> None:
    """Causes that come while a recovery runs, or speak of an older try, change nothing."""
    stream = live()
    first = stream.attempt
    stream.recover(Cause.EXPIRED, first, HOUR_MS, LEAST)
    for cause in Cause:
        assert stream.recover(cause, first, HOUR_MS, LEAST) == ()
    second = stream.begin()
    for cause in Cause:
        assert stream.recover(cause, first, HOUR_MS, LEAST) == ()
    assert (stream.state, stream.cause, stream.recoveries) == (StreamState.OPENING, Cause.EXPIRED, 1)
    assert stream.opened(second, HOUR_MS, LEAST)


def test_a_try_that_was_overtaken() -> None:
    """A socket that opens after its key was lost is not taken, nor is a snapshot of such a try."""
    stream = Stream()
    attempt = stream.begin()
    stream.recover(Cause.KEY_CHANGED, attempt, 0, LEAST)
    assert not stream.opened(attempt, 0, LEAST)
    second = opened(stream)
    assert stream.recover(Cause.CLOSED, second, 0, LEAST) == ()  # the gap was open all the time
    assert stream.caught_up(second, NOTHING, 0) == ()
    stream.failed(LOST, LEAST)
    assert stream.state is StreamState.WAITING


def test_events_of_the_old_socket_are_kept_for_the_drain() -> None:
    """What the old socket still brings while the next one is opened is told after the snapshot."""
    stream = live()
    stream.recover(Cause.ROTATION, stream.attempt, HOUR_MS, LEAST)
    stream.heard(call(1))
    assert stream.caught_up(opened(stream), NOTHING, HOUR_MS) == (Snapshot(NOTHING), News(call(1)), GapClosed())


def test_too_many_events_before_the_question_are_dropped() -> None:
    """The buffer is bounded; what a snapshot that is asked for afterwards holds need not be kept."""
    stream = Stream()
    for number in range(MOST_BUFFERED + 5):
        stream.heard(call(number))
    assert (stream.buffered, stream.dropped) == (4, MOST_BUFFERED + 1)
    attempt = opened(stream)
    assert len(stream.caught_up(attempt, NOTHING, 0)) == 6


def test_a_flood_makes_the_snapshot_worthless() -> None:
    """A snapshot after whose question events were dropped is asked for again, a while later."""
    stream = Stream()
    attempt = opened(stream)
    for number in range(MOST_BUFFERED + 1):
        stream.heard(call(number))
    assert stream.caught_up(attempt, NOTHING, 0) == ()
    assert (stream.state, stream.gap, stream.wait_s) == (StreamState.CATCHING_UP, True, 1.0)
    stream.asking()
    assert stream.caught_up(attempt, NOTHING, 0) == (Snapshot(NOTHING), GapClosed())


def behind() -> tuple[Stream, int, AccountSnapshot, AccountSnapshot]:
    """Return a stream that catches up, its try, and the account before and after the last thing that it was told."""
    stream, account = live(), Account()
    account.change("USDT", 1)
    before = account.snapshot(with_times=True)
    account.change("USDT", 2)
    stream.heard(account.said[-1])
    stream.recover(Cause.CLOSED, stream.attempt, HOUR_MS, LEAST)
    return stream, opened(stream), before, account.snapshot(with_times=True)


def test_a_snapshot_that_lags_is_asked_for_again() -> None:
    """A snapshot that is older than what was told is not taken; when the exchange shows what it told, it is."""
    stream, attempt, before, after = behind()
    assert stream.caught_up(attempt, before, HOUR_MS) == ()
    assert (stream.state, stream.gap, stream.wait_s) == (StreamState.CATCHING_UP, True, 1.0)
    assert stream.caught_up(attempt, after, HOUR_MS) == (Snapshot(after), GapClosed())


def test_a_snapshot_that_lags_for_ever_is_believed() -> None:
    """An exchange whose times do not agree with each other does not keep the account unknown for more than seconds."""
    stream, attempt, before, _ = behind()
    assert [stream.caught_up(attempt, before, HOUR_MS) for _ in range(3)] == [(), (), ()]
    assert stream.caught_up(attempt, before, HOUR_MS) == (Snapshot(before), GapClosed())


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.CLOSED])
def test_what_is_healed_by_a_new_socket_does_not_wait(cause: Cause) -> None:
    """After useful time, all but a lost connection is followed by the next try at once."""
    stream = live()
    stream.recover(cause, stream.attempt, 60_000, MOST)
    assert stream.wait_s == 0.0


def test_a_server_that_keeps_ending_streams_is_met_with_growing_delays() -> None:
    """Streams that live shorter than is useful are tried at growing distances of at most a minute, for ever."""
    stream, waits = Stream(), []
    for _ in range(9):
        attempt = opened(stream)
        stream.caught_up(attempt, NOTHING, 0)
        stream.recover(Cause.EXPIRED, attempt, 59_999, MOST)
        waits.append(stream.wait_s)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_useful_time_forgets_trouble() -> None:
    """After a minute of life the next loss is again the first."""
    stream = Stream()
    for live_ms in (0, 0, 0, 60_000):
        attempt = opened(stream)
        stream.caught_up(attempt, NOTHING, 0)
        stream.recover(Cause.CLOSED, attempt, live_ms, MOST)
    assert stream.wait_s == 1.0


@pytest.mark.parametrize("rng", [LEAST, MOST])
def test_the_next_try_is_never_at_once_after_trouble(rng: FixedChance) -> None:
    """Jitter is full, yet leaves half a second, so that no loop is tight."""
    stream = live()
    stream.recover(Cause.CLOSED, stream.attempt, HOUR_MS, rng)
    assert stream.wait_s == (0.5 if rng is LEAST else 1.0)


@pytest.mark.parametrize(
    ("error", "least_s", "most_s"),
    [
        (LOST, 0.5, 1.0),
        (RateLimited("slowly", retry_after_s=90.0), 90.0, 91.0),
        (KeyRefused("no"), 30.0, 60.0),
        (RequestRefused("no", code="-1100"), 30.0, 60.0),
        (RequestRefused("no key", code="-1125"), 0.5, 1.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_delays(error: P2pbotError, least_s: float, most_s: float) -> None:
    """What a person must mend is tried slowly, a lost key at once, and the exchange's own wish is honoured."""
    for rng, expected in ((LEAST, least_s), (MOST, most_s)):
        trying, asking = Stream(), Stream()
        trying.begin()
        trying.failed(error, rng)
        opened(asking)
        asking.failed(error, rng)
        assert (trying.wait_s, trying.state) == (expected, StreamState.WAITING)
        assert (asking.wait_s, asking.state) == (expected, StreamState.CATCHING_UP)


@pytest.mark.parametrize(("rng", "earlier_ms"), [(LEAST, 0), (MOST, 30 * 60_000)])
def test_rotation(rng: FixedChance, earlier_ms: int) -> None:
    """A socket is replaced 23 hours after it was opened, or up to half an hour sooner; only a live one."""
    stream = Stream()
    attempt = stream.begin()
    stream.opened(attempt, 1000, rng)
    due_ms = 1000 + LIFE_MS - earlier_ms
    assert not stream.rotation_is_due(due_ms)
    stream.caught_up(attempt, NOTHING, 1000)
    assert stream.rotation_in_ms(1000) == due_ms - 1000
    assert not stream.rotation_is_due(due_ms - 1)
    assert stream.rotation_is_due(due_ms)
    assert stream.rotation_in_ms(due_ms + 5) == 0


@dataclass
class Book:
    """What a sink keeps: the newest balances and orders, and whether they may be called known."""

    balances: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, Decimal] = field(default_factory=dict)
    known: bool = False

    def take(self, commands: Iterable[Command]) -> None:
        """Carry out what the core says."""
        for command in commands:
            match command:
                case GapOpened():
                    self.known = False
                case GapClosed():
                    self.known = True
                case Snapshot(snapshot):
                    self.balances = dict(snapshot.balances)
                    self.orders = {order.order_id: order.filled or Decimal(0) for order in snapshot.orders}
                case News(event):
                    self._event(event)

    def _event(self, event: UserDataEvent) -> None:
        if isinstance(event, AccountUpdate):
            self.balances |= {row.asset: row.wallet for row in event.balances}
        if isinstance(event, OrderUpdate):
            self.orders[event.order_id] = event.filled or Decimal(0)


@dataclass
class Account:
    """The exchange's side: an account that changes, and everything that was ever said of it."""

    balances: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    orders: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    said: list[UserDataEvent] = field(default_factory=list)

    def change(self, what: str, amount: int) -> None:
        """Change a balance or an order's filled amount; say so."""
        at_ms = 1000 + len(self.said)
        value = Decimal(amount)
        if what.startswith("order"):
            self.orders[what] = (value, at_ms)
            self.said.append(
                OrderUpdate(at_ms=at_ms, transacted_ms=at_ms, traded_ms=at_ms, symbol="X", order_id=what, filled=value)
            )
        else:
            self.balances[what] = (value, at_ms)
            balance = FuturesBalance(asset=what, wallet=value)
            self.said.append(AccountUpdate(at_ms=at_ms, transacted_ms=at_ms, balances=(balance,)))

    def snapshot(self, *, with_times: bool) -> AccountSnapshot:
        """Return the account as it is, with or without the times of its items."""
        times = {("balance", asset): at_ms for asset, (_, at_ms) in self.balances.items()}
        return AccountSnapshot(
            as_of_ms=0,
            balances={asset: value for asset, (value, _) in self.balances.items()},
            orders=tuple(
                OrderState(symbol="X", order_id=name, filled=value, updated_ms=at_ms if with_times else 0)
                for name, (value, at_ms) in self.orders.items()
            ),
            updated_ms=times if with_times else {},
        )

    def is_told(self, book: Book) -> bool:
        """Whether a sink knows the account as it is."""
        return book.balances == {asset: value for asset, (value, _) in self.balances.items()} and book.orders == {
            name: value for name, (value, _) in self.orders.items()
        }


def stale(told: Iterable[Command], snapshot: AccountSnapshot) -> list[UserDataEvent]:
    """Return the events that say of an asset what is older than the snapshot."""
    events = [command.event for command in told if isinstance(command, News)]
    accounts = [event for event in events if isinstance(event, AccountUpdate)]
    times = snapshot.updated_ms
    return [
        event
        for event in accounts
        if any(event.transacted_ms < times.get(("balance", row.asset), 0) for row in event.balances)
    ]


CHANGES = st.tuples(st.sampled_from(["USDT", "BTC", "order-1", "order-2"]), st.integers(0, 5))


@given(
    before=st.lists(CHANGES, max_size=4),
    missed=st.lists(CHANGES, max_size=4),
    meanwhile=st.lists(CHANGES, max_size=4),
    unseen=st.lists(CHANGES, max_size=4),
    late=st.integers(0, 8),
    twice=st.booleans(),
    with_times=st.booleans(),
)
def test_any_order_of_snapshot_and_events_gives_the_account(
    before: list[tuple[str, int]],
    missed: list[tuple[str, int]],
    meanwhile: list[tuple[str, int]],
    unseen: list[tuple[str, int]],
    late: int,
    twice: bool,  # noqa: FBT001 - a freedom of the world
    with_times: bool,  # noqa: FBT001 - a freedom of the world
) -> None:
    """Events missed, events that the snapshot holds already, late ones, copies: in the end the sink knows the truth.

    And where the exchange dates its items, it knows nothing that is older than the snapshot once the gap is closed.
    """
    account, book, stream = Account(), Book(), Stream()
    book.take(stream.caught_up(opened(stream), account.snapshot(with_times=with_times), 0))
    for change in before:
        account.change(*change)
        book.take(stream.heard(account.said[-1]))
    book.take(stream.recover(Cause.CLOSED, stream.attempt, HOUR_MS, LEAST))
    for change in missed:
        account.change(*change)
    attempt = opened(stream)
    heard_from = len(account.said)
    for change in meanwhile:
        account.change(*change)
    snapshot = account.snapshot(with_times=with_times)
    for change in unseen:
        account.change(*change)
    on_the_wire = account.said[heard_from:] * (2 if twice else 1)
    on_the_wire.sort(key=lambda event: getattr(event, "at_ms", 0))
    in_time = max(0, len(on_the_wire) - late)
    for event in on_the_wire[:in_time]:
        assert stream.heard(event) == ()
    told = stream.caught_up(attempt, snapshot, HOUR_MS)
    book.take(told)
    assert (book.known, stale(told, snapshot)) == (True, [])
    for event in on_the_wire[in_time:]:
        book.take(stream.heard(event))
    assert account.is_told(book)


@given(st.lists(CHANGES, min_size=1, max_size=8), st.randoms(use_true_random=False), st.integers(0, 8))
def test_two_sockets_in_any_order_give_the_account(changes: list[tuple[str, int]], chance: object, at: int) -> None:
    """Two sockets that overlap bring every event twice, one of them late; the sink ends with the newest of each."""
    account, book, stream = Account(), Book(), Stream()
    book.take(stream.caught_up(opened(stream), NOTHING, 0))
    for change in changes:
        account.change(*change)
    arriving = [*account.said, *account.said]
    chance.shuffle(arriving)  # type: ignore[attr-defined]
    for number, event in enumerate(arriving):
        if number == at:
            book.take(stream.recover(Cause.ROTATION, stream.attempt, HOUR_MS, LEAST))
        book.take(stream.heard(event))
    if not book.known:
        book.take(stream.caught_up(opened(stream), account.snapshot(with_times=True), HOUR_MS))
    assert account.is_told(book)


@given(st.lists(st.sampled_from(["begin", "opened", "failed", "caught_up", "recover", "old", "heard"]), max_size=40))
def test_the_sink_hears_gaps_that_open_and_close_in_turn(deeds: list[str]) -> None:
    """Whatever happens in whatever order: gaps open and close in turn, and no event is told in one."""
    stream, told, attempt = Stream(), list[Command](), 0
    for number, deed in enumerate(deeds):
        commands: tuple[Command, ...] = ()
        if deed == "begin" and stream.state is StreamState.WAITING:
            attempt = stream.begin()
        elif deed == "opened" and stream.state is StreamState.OPENING:
            stream.opened(attempt, number, LEAST)
        elif deed == "failed":
            stream.failed(LOST, LEAST)
        elif deed == "caught_up":
            commands = stream.caught_up(attempt, NOTHING, number)
        elif deed in ("recover", "old"):
            commands = stream.recover(Cause.CLOSED, attempt - (deed == "old"), number, LEAST)
        elif deed == "heard":
            commands = stream.heard(call(number))
        told += commands
    gaps = [command for command in told if isinstance(command, GapOpened | GapClosed)]
    assert gaps == [GapClosed() if index % 2 == 0 else GapOpened() for index in range(len(gaps))]
    known = False
    for command in told:
        known = {GapClosed: True, GapOpened: False}.get(type(command), known)
        assert not (known and isinstance(command, Snapshot))
    assert stream.gap is not known
