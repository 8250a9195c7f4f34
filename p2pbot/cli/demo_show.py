"""The demo's orders on its screen: opens them, and tells what is new in each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal

from p2pbot.cli.demo_screen import Screen
from p2pbot.cli.demo_stage import OrderView, Stage
from p2pbot.cli.demo_view import Teller
from p2pbot.model import Side
from p2pbot.sandbox import OrderSpec


@dataclass(slots=True)
class Show:
    """The stage on the screen. ``current`` is the order that the talk is in."""

    stage: Stage
    screen: Screen
    current: str = ""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # two refreshes at once would tell things twice
    _tellers: dict[str, Teller] = field(default_factory=dict)

    async def open(self, spec: OrderSpec) -> str:
        """Open an order, make it the current one, and say so."""
        self.current = await self.stage.open_order(spec)
        self.screen.say()
        self.screen.say(self.screen.paint("bold", f"── {order_title(self.current, spec)} ──"))
        return self.current

    async def refresh(self) -> None:
        """Tell what is new in every order."""
        async with self._lock:
            rules = self.stage.account.rules()
            for number in tuple(self.stage.orders):
                lines = self._tellers.setdefault(number, Teller()).news(await self.stage.look(number), rules)
                elsewhere = "" if number == self.current else f"[order …{number[-4:]}] "
                self.screen.tell(replace(line, text=elsewhere + line.text) for line in lines)

    async def view(self) -> OrderView:
        """Return the current order."""
        return await self.stage.look(self.current)


def introduce(stage: Stage, screen: Screen, state: str) -> None:
    """Say what this is and where everything lies."""
    screen.say(
        f"{screen.paint('bold', 'p2pbot demo')} · {screen.paint('yellow', 'SIMULATED exchange')} · no real money"
    )
    screen.note(f"exchange  {stage.box.rest_url} (TLS, on this machine alone; nothing leaves it)")
    screen.note(f"rules     {len(stage.account.rules())} from {stage.rules}")
    screen.note(f"state     {stage.directory} ({state})")
    screen.note("timings   quicker than on a real exchange; delays are those of the rules")


def order_title(number: str, spec: OrderSpec) -> str:
    """Return an order in one line."""
    verb = "SELL" if spec.side is Side.SELL else "BUY"
    total = (spec.total or spec.amount * spec.price).quantize(Decimal("0.01"))
    return f"order {number} · we {verb} {spec.amount:f} {spec.asset} for {total:f} {spec.fiat}"
