"""The questions that close a gap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from p2pbot.daemon.snapshots import futures_snapshots
from p2pbot.errors import ConnectionLost, P2pbotError, RequestRefused
from p2pbot.protocol.user_data_events import WatchedOrder
from p2pbot.protocol.ws_call import WsCall
from tests.fakes.world import StillClock, World

T = TypeVar("T")


@dataclass
class Api:
    """``ports.WsApi`` that knows an empty account and one order."""

    refusal: P2pbotError
    asked: list[dict[str, object]] = field(default_factory=list)
    clock_offset_ms: int | None = 5

    async def call(self, request: WsCall[T]) -> T:
        """Answer."""
        self.asked.append(dict(request.params))
        if request.method == "v2/account.status":
            return request.parse({"assets": [], "positions": []})
        if "hedge-1" not in dict(request.params).values():
            raise self.refusal
        return request.parse({"symbol": "BTCUSDT", "orderId": 9, "clientOrderId": "hedge-1", "status": "NEW"})


WATCHED = [WatchedOrder(symbol="BTCUSDT", order_id="77"), WatchedOrder(symbol="BTCUSDT", client_order_id="hedge-1")]


@pytest.mark.parametrize("code", ["-2013", "-1121"])
async def test_an_order_that_is_not_known_is_left_out(code: str) -> None:
    """The exchange forgets old orders and symbols; the rest of the snapshot is as good without them."""
    api = Api(RequestRefused("no such order", code=code))
    snapshot = await futures_snapshots(api, World(StillClock(1000)).doors(), WATCHED)()
    assert [order.client_order_id for order in snapshot.orders] == ["hedge-1"]
    assert snapshot.as_of_ms == 1005
    assert api.asked == [
        {},
        {"symbol": "BTCUSDT", "orderId": 77},
        {"symbol": "BTCUSDT", "origClientOrderId": "hedge-1"},
    ]


@pytest.mark.parametrize("trouble", [ConnectionLost("over"), RequestRefused("a parameter is missing", code="-1102")])
async def test_other_trouble_is_the_snapshots(trouble: P2pbotError) -> None:
    """A snapshot of which a part did not come is none."""
    with pytest.raises(type(trouble)):
        await futures_snapshots(Api(trouble), World(StillClock(1000)).doors(), WATCHED)()
