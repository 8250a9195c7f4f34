"""The outbox against a plain world: whatever is lost, late, refused, interrupted or set back, no reply goes out twice.

The world below is what the sender and the exchange are together: a store that survives crashes, a socket, a history
that lags. Only the outbox and the delivery table decide what is written.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from p2pbot.conversation.delivery import DELIVERY, DeliveryEvent, DeliveryPolicy, advanced, dropped, missing, refused
from p2pbot.conversation.outbox import Doubt, Late, Outbox, Reconcile, Upload, Write, recovered
from p2pbot.conversation.records import OutboxRow, OutboxState
from p2pbot.model import Reason
from tests.fakes.records import NOW_MS, PICTURE, reply

POLICY = DeliveryPolicy(max_attempts=3)
LONGEST_LAG_MS = POLICY.settle_ms - 1  # what the settling delay is chosen for: flight and lag of the history together
MOST_STEPS = 5_000  # in a quiet world every reply comes to its end in far fewer


@dataclass
class Shown:
    """A message of ours that the exchange has taken: in the history from ``visible_ms`` on."""

    uuid: str
    order_no: str
    created_ms: int
    visible_ms: int


@dataclass
class World:
    """The store, the socket and the exchange. ``real_ms`` is the exchange's time; our clock may be behind it."""

    stored: dict[str, OutboxRow] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    writes: list[tuple[int, OutboxRow]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    outbox: Outbox = field(default_factory=lambda: Outbox(POLICY))
    real_ms: int = NOW_MS
    behind_ms: int = 0
    online: bool = True
    opened_ms: int = NOW_MS

    @property
    def now_ms(self) -> int:
        """What our clock says."""
        return self.real_ms - self.behind_ms

    def commit(self, before: OutboxRow, after: OutboxRow) -> None:
        """The store first, then the outbox; a row moves only from where the store has it."""
        assert self.stored[before.uuid].state is before.state
        self.stored[after.uuid] = after
        self.outbox.put(after)

    def act(self, lag_ms: int | None = 0) -> bool:
        """Carry out the step that is due. A written frame shows after ``lag_ms``, or never (None)."""
        step, _ = self.outbox.next_step(self.now_ms, online=self.online)
        match step:
            case Write(row):
                self.write(row, lag_ms)
            case Upload(row):
                self.outbox.uploading(row.uuid)
                self.uploads.append(row.uuid)
            case Late(row):
                self.commit(row, dropped(row, Reason.LATE, self.now_ms))
            case Doubt(row):
                self.commit(self.stored[row.uuid], advanced(row, DeliveryEvent.NO_ECHO, self.now_ms))
            case Reconcile(order_no, since_ms):
                self.outbox.asked(step, self.now_ms)
                self.asked[order_no] = min(since_ms, self.asked.get(order_no, since_ms))
        return step is not None

    def write(self, row: OutboxRow, lag_ms: int | None) -> None:
        """Commit SENDING, then let the frame fly."""
        sending = advanced(row, DeliveryEvent.WRITE, self.now_ms)
        self.commit(row, sending)
        self.outbox.wrote(sending, self.now_ms)
        self.writes.append((self.real_ms, sending))
        if lag_ms is not None:
            self.shown.append(Shown(row.uuid, row.order_no, self.real_ms, self.real_ms + lag_ms))

    def upload_ends(self, again_ms: int | None) -> None:
        """Let the first upload end: the picture has its place, or is to be tried again."""
        uuid = self.uploads.pop(0)
        row = self.outbox.get(uuid)
        self.outbox.upload_ended(uuid, None if again_ms is None else self.now_ms + again_ms)
        if row is not None and row.needs_upload and again_ms is None:
            self.commit(row, replace(row, image_url=f"https://pictures.invalid/{uuid}", uploaded_at_ms=self.now_ms))

    def happens(self, uuid: str, event: DeliveryEvent) -> None:
        """Let an event reach the outbox if its row is still waiting for it."""
        row = self.outbox.get(uuid)
        if row is not None and DELIVERY.allows(row.state, event):
            self.commit(row, advanced(row, event, self.now_ms))

    def look(self, order_no: str, since_ms: int, *, complete: bool = True) -> None:
        """Look an order's history through and work off what it shows."""
        began_ms, visible = self.now_ms, [one for one in self.shown if one.visible_ms <= self.real_ms]
        for one in visible:
            if one.order_no == order_no and one.created_ms >= since_ms:
                self.happens(one.uuid, DeliveryEvent.FOUND)
        if began_ms >= self.opened_ms:
            self.outbox.looked(order_no)
        if complete:
            for row in self.outbox.settled_by_scan(order_no, began_ms, since_ms):
                self.commit(row, missing(row, POLICY, self.now_ms))

    def open(self) -> None:
        """Connect."""
        self.online, self.opened_ms = True, self.now_ms
        self.outbox.opened()

    def crash(self) -> None:
        """Lose everything but the store, and begin again."""
        rows = [row for row in self.stored.values() if not row.state.is_final]
        doubtful = {row.uuid: row for row in recovered(rows, self.now_ms)}
        self.stored |= doubtful
        self.outbox = Outbox(POLICY, (doubtful.get(row.uuid, row) for row in rows))
        self.asked.clear()
        self.uploads.clear()
        self.online = False


ORDERS = st.sampled_from(["a", "b"])
LAGS = st.none() | st.integers(0, LONGEST_LAG_MS)


class OutboxLife(RuleBasedStateMachine):
    """Claims, writes, echoes, refusals, losses, looks, crashes and clocks in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.claims = 0

    @rule(order_no=ORDERS, delay_ms=st.integers(0, 5_000), bubbles=st.lists(st.booleans(), min_size=1, max_size=3))
    def claim(self, order_no: str, delay_ms: int, bubbles: list[bool]) -> None:
        """A decision claims some replies, texts and pictures."""
        for shown in bubbles:
            self.claims += 1
            now_ms = self.world.now_ms
            row = replace(reply(f"u{self.claims}", order_no=order_no, at_ms=now_ms), not_before_ms=now_ms + delay_ms)
            row = replace(row, seq=self.claims, expires_at_ms=row.not_before_ms + 120_000)
            row = replace(row, picture=PICTURE) if shown else row
            self.world.stored[row.uuid] = row
            self.world.outbox.put(row)

    @rule(lag_ms=LAGS)
    def act(self, lag_ms: int | None) -> None:
        """The sender does what is due."""
        self.world.act(lag_ms)

    @precondition(lambda self: self.world.uploads)
    @rule(again_ms=st.none() | st.integers(0, 30_000))
    def upload_ends(self, again_ms: int | None) -> None:
        """An upload succeeds, or is to be tried again; its reply may have met its end meanwhile."""
        self.world.upload_ends(again_ms)

    @rule(passes_ms=st.integers(1, 20_000))
    def time_passes(self, passes_ms: int) -> None:
        """Time passes."""
        self.world.real_ms += passes_ms

    @rule(by_ms=st.sampled_from([500, 30_000, 90_000, 3_600_000]))
    def clock_is_set_back(self, by_ms: int) -> None:
        """Our clock is set back."""
        self.world.behind_ms += by_ms

    @precondition(lambda self: self.world.shown)
    @rule(data=st.data(), event=st.sampled_from([DeliveryEvent.ECHO, DeliveryEvent.FOUND]))
    def exchange_shows(self, data: st.DataObject, event: DeliveryEvent) -> None:
        """An echo comes, at once or much later, once or again."""
        self.world.happens(data.draw(st.sampled_from(self.world.shown)).uuid, event)

    @precondition(lambda self: self.world.outbox.in_flight())
    @rule(passing=st.booleans())
    def exchange_refuses(self, passing: bool) -> None:  # noqa: FBT001 - drawn
        """An error frame comes for a frame that was not taken; sometimes twice."""
        row = self.world.outbox.in_flight()[0]
        if any(one.uuid == row.uuid for one in self.world.shown):
            return
        for _ in range(2):
            held = self.world.outbox.get(row.uuid)
            if held is not None:
                self.world.commit(held, refused(held, passing=passing, policy=POLICY, now_ms=self.world.now_ms))

    @rule()
    def connection_is_lost(self) -> None:
        """The socket is gone: what was in flight is in doubt."""
        for row in self.world.outbox.in_flight():
            self.world.happens(row.uuid, DeliveryEvent.LOST)
        self.world.online = False

    @precondition(lambda self: not self.world.online)
    @rule()
    def connection_opens(self) -> None:
        """The socket is back."""
        self.world.open()

    @precondition(lambda self: self.world.asked)
    @rule(complete=st.booleans())
    def look_that_was_asked_for(self, complete: bool) -> None:  # noqa: FBT001 - drawn
        """A look that the outbox asked for is done."""
        order_no, since_ms = self.world.asked.popitem()
        self.world.look(order_no, since_ms, complete=complete)

    @rule(order_no=ORDERS, back_ms=st.integers(0, 200_000))
    def look_that_somebody_else_asked_for(self, order_no: str, back_ms: int) -> None:
        """A look for another reason, that may begin too early or reach back too little."""
        self.world.look(order_no, self.world.now_ms - back_ms)

    @rule()
    def crash(self) -> None:
        """The process is killed, and a new one starts on the same store."""
        self.world.crash()

    @invariant()
    def no_reply_is_shown_twice(self) -> None:
        """The promise of all this."""
        assert all(times == 1 for times in Counter(one.uuid for one in self.world.shown).values())

    @invariant()
    def one_reply_of_an_order_is_in_flight(self) -> None:
        """Else two might cross."""
        flying = Counter(row.order_no for row in self.world.stored.values() if row.state is OutboxState.SENDING)
        assert all(number == 1 for number in flying.values())

    @invariant()
    def an_order_keeps_its_order(self) -> None:
        """A reply is written only when all claimed before it have an end."""
        for row in self.world.stored.values():
            if row.state is OutboxState.SENDING:
                earlier = [r for r in self.world.stored.values() if r.order_no == row.order_no and r.seq < row.seq]
                assert all(r.state.is_final for r in earlier)

    @invariant()
    def nothing_is_written_before_its_delay_is_over(self) -> None:
        """By the clock that the delay was reckoned with."""
        assert all(row.sending_at_ms >= row.not_before_ms for _, row in self.world.writes)

    @invariant()
    def no_picture_is_written_before_it_is_uploaded(self) -> None:
        """Its frame would show nothing."""
        assert all(row.picture is None or row.image_url for _, row in self.world.writes)

    @invariant()
    def no_picture_is_uploaded_twice_at_once(self) -> None:
        """The exchange allows few."""
        assert all(times == 1 for times in Counter(self.world.uploads).values())

    @invariant()
    def no_reply_is_lost(self) -> None:
        """What is not settled is in the outbox, and the outbox knows when to go on."""
        pending = {uuid for uuid, row in self.world.stored.items() if not row.state.is_final}
        assert pending == {row.uuid for row in self.world.outbox}
        step, wake_ms = self.world.outbox.next_step(self.world.now_ms, online=self.world.online)
        assert not pending or step is not None or (wake_ms is not None and wake_ms > self.world.now_ms)

    def teardown(self) -> None:
        """Let the world be quiet: every reply comes to an end."""
        self.world.open()
        for _ in range(MOST_STEPS):
            if not len(self.world.outbox):
                break
            while self.world.asked:
                self.world.look(*self.world.asked.popitem())
            while self.world.uploads:
                self.world.upload_ends(None)
            if not self.world.act(lag_ms=0):
                _, wake_ms = self.world.outbox.next_step(self.world.now_ms, online=True)
                self.world.real_ms += (wake_ms or self.world.now_ms + 1_000) - self.world.now_ms
        assert not len(self.world.outbox)
        self.no_reply_is_shown_twice()


TestOutboxLife = OutboxLife.TestCase
TestOutboxLife.settings = settings(stateful_step_count=40, deadline=None)


def with_rows(*rows: OutboxRow) -> World:
    """Return a connected world whose orders were looked at."""
    world = World()
    for row in rows:
        world.stored[row.uuid] = row
        world.outbox.put(row)
        world.outbox.looked(row.order_no)
    return world


def run(world: World, until_ms: int, lag_ms: int | None = 0) -> list[tuple[int, str]]:
    """Run the world, echoing each write at once; return when each reply was written."""
    for _ in range(MOST_STEPS):
        if world.real_ms > until_ms:
            break
        if world.act(lag_ms):
            for row in world.outbox.in_flight() if lag_ms is not None else ():
                world.happens(row.uuid, DeliveryEvent.ECHO)
            continue
        _, wake_ms = world.outbox.next_step(world.now_ms, online=world.online)
        if wake_ms is None:
            break
        world.real_ms += wake_ms - world.now_ms
    return [(real_ms - NOW_MS, row.uuid) for real_ms, row in world.writes]


@given(st.lists(st.tuples(ORDERS, st.integers(0, 8_000)), max_size=12))
def test_writes_keep_their_distance(claims: list[tuple[str, int]]) -> None:
    """A second between two of one order, 200 ms between any two, none before its delay is over."""
    rows = [
        replace(reply(f"u{number}", order_no=order_no), not_before_ms=NOW_MS + delay_ms)
        for number, (order_no, delay_ms) in enumerate(claims)
    ]
    world = with_rows(*rows)
    run(world, NOW_MS + 60_000)
    assert len(world.writes) == len(rows)
    for number, (real_ms, row) in enumerate(world.writes):
        assert real_ms >= row.not_before_ms
        for earlier_ms, earlier in world.writes[:number]:
            apart_ms = POLICY.order_spacing_ms if earlier.order_no == row.order_no else POLICY.account_spacing_ms
            assert real_ms - earlier_ms >= apart_ms


def test_a_write_is_remembered_no_longer_than_its_spacing() -> None:
    """Thousands of orders leave nothing behind: a write that is past its spacing holds up nobody."""
    outbox = Outbox(POLICY)
    for number in range(1_000):
        outbox.wrote(reply(f"u{number}", order_no=str(number)), NOW_MS + number * POLICY.order_spacing_ms // 4)
    assert len(outbox._wrote_at_ms) <= 105


@given(st.lists(st.integers(0, 4_000_000), min_size=1, max_size=6))
def test_a_clock_that_is_set_back_neither_holds_up_writes_nor_crowds_them(set_back_ms: list[int]) -> None:
    """In real time the next reply goes out after its spacing, no sooner and no later."""
    world = World()
    for number, by_ms in enumerate(set_back_ms):
        row = reply(f"u{number}", at_ms=world.now_ms)
        world.stored[row.uuid] = row
        world.outbox.put(row)
        world.outbox.looked(row.order_no)
        assert run(world, world.real_ms + 2_000)[-1][1] == row.uuid
        world.behind_ms += by_ms
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(world.writes)]
    assert all(1_000 <= gap_ms <= 3_000 for gap_ms in gaps)


def test_whoever_waits_longest_is_served_first() -> None:
    """An order with many bubbles does not hold up the others."""
    talkative = [reply(f"a{number}", order_no="a") for number in range(5)]
    others = [reply(f"{order_no}0", order_no=order_no) for order_no in "bcdefg"]
    order_of_writes = [uuid for _, uuid in run(with_rows(*talkative, *others), NOW_MS + 10_000)]
    assert order_of_writes[:7] == ["a0", "b0", "c0", "d0", "e0", "f0", "g0"]


def test_a_write_without_an_echo_is_doubted_and_not_repeated() -> None:
    """First comes the doubt, then after the settling delay the look; nothing is written meanwhile."""
    world = with_rows(reply("u1"))
    run(world, NOW_MS + POLICY.settle_ms, lag_ms=None)
    assert [uuid for _, uuid in run(world, NOW_MS)] == ["u1"]
    assert world.stored["u1"].state is OutboxState.UNKNOWN
    assert world.asked == {"20476365073825144832": NOW_MS - 60_000}


@pytest.mark.parametrize(
    ("began_after_ms", "since_before_ms", "conclusive"),
    [
        (POLICY.settle_ms, 60_000, True),
        (POLICY.settle_ms - 1, 60_000, False),
        (POLICY.settle_ms, 59_999, False),
        (POLICY.settle_ms + 500_000, 600_000, True),
    ],
)
def test_a_look_is_conclusive_if_it_began_late_enough_and_reached_back_far_enough(
    began_after_ms: int,
    since_before_ms: int,
    conclusive: bool,  # noqa: FBT001 - a table
) -> None:
    """Else a message that is there would be written again."""
    row = advanced(advanced(reply("u1"), DeliveryEvent.WRITE, NOW_MS), DeliveryEvent.LOST, NOW_MS)
    found = Outbox(POLICY, [row]).settled_by_scan(row.order_no, NOW_MS + began_after_ms, NOW_MS - since_before_ms)
    assert found == ((row,) if conclusive else ())


def test_looks_that_settle_nothing_are_asked_for_ever_more_seldom_and_for_ever() -> None:
    """An exchange that will not show a history is not hammered, and the reply is not forgotten."""
    row = advanced(advanced(reply("u1"), DeliveryEvent.WRITE, NOW_MS), DeliveryEvent.LOST, NOW_MS)
    outbox, now_ms = Outbox(POLICY, [row]), NOW_MS
    asked: list[int] = []
    for _ in range(20):
        step, wake_ms = outbox.next_step(now_ms, online=True)
        if isinstance(step, Reconcile):
            asked.append(now_ms)
            outbox.asked(step, now_ms)
        else:
            assert wake_ms is not None
            now_ms = wake_ms
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000, 600_000]


def test_an_order_whose_replies_have_an_end_begins_anew() -> None:
    """The next reply's look is not put off by the looks of the one before."""
    outbox = Outbox(POLICY, [reply("u1")])
    outbox.asked(Reconcile(reply("u1").order_no, 0), NOW_MS)
    outbox.put(dropped(reply("u1"), Reason.LATE, NOW_MS))
    outbox.put(reply("u2"))
    step, _ = outbox.next_step(NOW_MS, online=True)
    assert isinstance(step, Reconcile)


def test_no_reply_is_written_after_a_reconnect_before_its_order_was_looked_at() -> None:
    """A person may have taken over while we were deaf."""
    world = with_rows(reply("u1"))
    world.open()
    step, _ = world.outbox.next_step(NOW_MS, online=True)
    assert isinstance(step, Reconcile)
    world.look(step.order_no, step.since_ms)
    assert world.outbox.next_step(NOW_MS, online=True) == (Write(reply("u1")), None)


def test_a_late_reply_is_given_up_even_while_we_are_not_connected() -> None:
    """So a long outage fills nothing, and the replies behind it get their turn."""
    outbox = Outbox(POLICY, [reply("u1")])
    assert outbox.next_step(NOW_MS, online=False) == (None, NOW_MS + 120_001)
    assert outbox.next_step(NOW_MS + 120_001, online=False) == (Late(reply("u1")), None)


def test_a_late_reply_is_given_up_although_its_history_cannot_be_had() -> None:
    """The look that must come first never comes."""
    world = World()
    world.stored["u1"] = reply("u1")
    world.outbox.put(reply("u1"))
    run(world, NOW_MS + 300_000)
    assert (world.stored["u1"].state, world.stored["u1"].reason) == (OutboxState.DROPPED, Reason.LATE)


def test_a_crash_leaves_doubt_about_what_was_being_sent_and_about_nothing_else() -> None:
    """SENDING becomes UNKNOWN; what was only claimed is only claimed."""
    claimed, sending = reply("u1"), advanced(reply("u2"), DeliveryEvent.WRITE, NOW_MS)
    after = recovered([claimed, sending], NOW_MS + 5)
    assert [(row.uuid, row.state, row.reason) for row in after] == [("u2", OutboxState.UNKNOWN, Reason.CRASHED)]


def test_a_write_stamped_by_a_clock_that_was_wrong_is_settled_by_the_whole_history() -> None:
    """An hour ahead: nobody waits an hour for it, and the look reaches back to the beginning."""
    ahead = advanced(reply("u1"), DeliveryEvent.WRITE, NOW_MS + 3_600_000)
    outbox = Outbox(POLICY, [advanced(ahead, DeliveryEvent.CRASH, NOW_MS)])
    assert outbox.next_step(NOW_MS, online=True) == (None, NOW_MS + POLICY.settle_ms)
    step, _ = outbox.next_step(NOW_MS + POLICY.settle_ms, online=True)
    assert step == Reconcile(ahead.order_no, 0)
    assert not outbox.settled_by_scan(ahead.order_no, NOW_MS + POLICY.settle_ms, 1)
    assert outbox.settled_by_scan(ahead.order_no, NOW_MS + POLICY.settle_ms, 0)


def test_an_outbox_says_when_it_is_full() -> None:
    """A bound that the caps keep out of reach; if it is reached, nothing more is claimed."""
    outbox = Outbox(DeliveryPolicy(max_pending=2), [reply("u1")])
    assert not outbox.is_full
    outbox.put(reply("u2"))
    assert outbox.is_full


def test_an_outbox_with_nothing_pending_asks_for_nothing() -> None:
    """It sleeps until something is claimed."""
    assert Outbox(POLICY).next_step(NOW_MS, online=True) == (None, None)
