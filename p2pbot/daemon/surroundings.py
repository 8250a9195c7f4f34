"""What one account's loops are given: doors, numbers and the exchange's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from p2pbot.conversation.decision import Policy
from p2pbot.conversation.delivery import DeliveryPolicy
from p2pbot.conversation.pictures import UploadPolicy
from p2pbot.daemon.progress import Progress
from p2pbot.ports import (
    Brake,
    Clock,
    Customers,
    Events,
    Lease,
    Notifier,
    PictureArchive,
    PictureShelf,
    PictureSource,
    Rest,
    Rng,
    Store,
    Uploader,
    Wire,
)
from p2pbot.protocol.user_data_events import Source
from p2pbot.rules.figures import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Intervals of the loops.

    ``idle_timeout_s`` 0 switches the idle check off (the peer's cadence is not published).
    """

    order_poll_s: float = 30.0
    facts_max_age_s: float = 90.0
    chat_renewal_s: float = 3_000.0
    idle_timeout_s: float = 0.0
    history_margin_s: float = 10.0
    scan_workers: int = 4
    status_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The outside world as one account sees it. ``archive`` None: received pictures are not kept.

    ``customers`` None: nobody's open id is known. ``figures``: what is known now of the merchant's own account.
    """

    rest: Rest
    wire: Wire
    store: Store
    lease: Lease
    clock: Clock
    rng: Rng
    events: Events
    notifier: Notifier
    brake: Brake
    uploader: Uploader
    shelf: PictureShelf
    pictures: PictureSource | None = None
    archive: PictureArchive | None = None
    progress: Progress = field(default_factory=Progress)
    customers: Customers | None = None
    figures: Callable[[], Figures] = Figures

    def now_ms(self) -> int:
        """Return the exchange's time: our clock plus the learnt offset. Ages and deadlines are reckoned in it."""
        return self.clock.now_ms() + (self.rest.clock_offset_ms or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """One account's name and numbers. ``sources``: what is read of it beyond its P2P orders.

    ``moved_in_ms``: when a daemon first ran on this state after it was restored, by our clock; 0 = it never was.
    """

    name: str
    policy: Policy = field(default_factory=Policy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    uploads: UploadPolicy = field(default_factory=UploadPolicy)
    timings: Timings = field(default_factory=Timings)
    sources: frozenset[Source] = frozenset()
    moved_in_ms: int = 0
