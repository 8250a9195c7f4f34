"""The outside world of one account, as small as it can be: fakes at the ports, an honest store, time that stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from p2pbot.daemon.surroundings import Doors
from p2pbot.errors import OurError, P2pbotError, RequestRefused
from p2pbot.model import Counterparty, Notice, Order, Picture
from p2pbot.ports import Connection
from p2pbot.protocol.rest import Answer, RestCall
from p2pbot.secret import Secret
from tests.fakes.chance import FixedChance
from tests.fakes.store import MemoryStore, SwitchedLease

T = TypeVar("T")


@dataclass
class StillClock:
    """``ports.Clock`` that stands until somebody sleeps."""

    at_ms: int

    def now_ms(self) -> int:
        """Return the time."""
        return self.at_ms

    def monotonic_s(self) -> float:
        """Return the time."""
        return self.at_ms / 1000

    def boottime_s(self) -> float:
        """Return the time."""
        return self.at_ms / 1000

    def computed_s(self) -> float:
        """Return nothing: here no time is spent on computing."""
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        """Let the time pass at once."""
        self.at_ms += round(delay_s * 1000)


@dataclass
class FactsRest:
    """``ports.Rest`` that knows some orders and nothing else."""

    orders: dict[str, Order] = field(default_factory=dict)
    clock_offset_ms: int | None = 0

    async def call(self, request: RestCall[T]) -> T:
        """Answer the two questions that a decision asks, through the call's own parser where it has a shape."""
        if request.name == "counterparty_statistics":
            return request.parse(Answer(data={"completedOrderNum": 7}))
        number = str((request.body or {}).get("adOrderNo", ""))
        if request.name != "order_detail" or number not in self.orders:
            raise RequestRefused(f"no answer to {request.name}")
        return request.parse(Answer(data=as_row(self.orders[number])))


def as_row(order: Order) -> dict[str, object]:
    """Return an order as the exchange's detail shows it."""
    numbers = {"unpaid": 1, "paid": 2, "appeal": 3, "completed": 4, "cancelled": 6}
    person: Counterparty = order.counterparty
    return {
        "orderNumber": order.number,
        "orderStatus": numbers.get(order.status.value, 99),
        "tradeType": order.side.value.upper() if order.side else None,
        "asset": order.asset,
        "createTime": order.created_at_ms,
        "buyerNickname": person.nickname,
        "buyerName": person.real_name,
    }


class NoWire:
    """``ports.Wire`` that nobody may use."""

    async def connect(self, url: Secret) -> Connection:
        """Refuse."""
        raise OurError(f"nothing here connects to {url}")


@dataclass
class Recorder:
    """``ports.Events`` and ``ports.Notifier`` that keep what they were told."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def info(self, event: str, **values: object) -> None:
        """Keep it."""
        self.events.append((event, values))

    def warning(self, event: str, **values: object) -> None:
        """Keep it."""
        self.events.append((event, values))

    def error(self, event: str, **values: object) -> None:
        """Keep it."""
        self.events.append((event, values))

    async def notify(self, notice: Notice) -> None:
        """Keep it."""
        self.notices.append(notice)


@dataclass
class Brakes:
    """``ports.Brake``."""

    set_for: set[str] = field(default_factory=set)

    def is_set(self, account: str) -> bool:
        """Whether the account is braked."""
        return account in self.set_for


@dataclass
class PictureStore:
    """``ports.Uploader`` and ``ports.PictureShelf``: the bytes of pictures by their hash, and what was uploaded."""

    contents: dict[str, bytes] = field(default_factory=dict)
    put_there: list[tuple[Secret, Picture, bytes]] = field(default_factory=list)
    failures: list[P2pbotError] = field(default_factory=list)

    async def put(self, url: Secret, picture: Picture, data: bytes) -> None:
        """Keep what is uploaded, after all planned failures."""
        if self.failures:
            raise self.failures.pop(0)
        self.put_there.append((url, picture, data))

    async def take(self, picture: Picture) -> bytes | None:
        """Return the picture's bytes."""
        return self.contents.get(picture.sha256)


@dataclass
class World:
    """One account's doors, with their fakes at hand."""

    clock: StillClock
    rest: FactsRest = field(default_factory=FactsRest)
    store: MemoryStore = field(default_factory=MemoryStore)
    told: Recorder = field(default_factory=Recorder)
    brakes: Brakes = field(default_factory=Brakes)
    pictures: PictureStore = field(default_factory=PictureStore)

    def doors(self) -> Doors:
        """Return the doors."""
        return Doors(
            rest=self.rest,
            wire=NoWire(),
            store=self.store,
            lease=SwitchedLease(),
            clock=self.clock,
            rng=FixedChance(),
            events=self.told,
            notifier=self.told,
            brake=self.brakes,
            uploader=self.pictures,
            shelf=self.pictures,
        )


async def not_connected(text: str) -> NoReturn:
    """Refuse to write: for a sender that is not running."""
    raise OurError(f"a frame of {len(text)} characters was written")
