"""The demo with a person at the keyboard, who plays the counterparty.

Promise: the commands are one table; whatever is typed wrongly is answered by a sentence. Input that comes from a pipe
is worked off line by line, each when the one before it is settled.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from p2pbot.cli.demo_show import Show
from p2pbot.cli.demo_view import life_words, why_table
from p2pbot.cli.output import columns, shown
from p2pbot.cli.words import reason_words
from p2pbot.conversation.records import InboxEntry
from p2pbot.errors import IllegalTransition
from p2pbot.model import Reason, Side
from p2pbot.sandbox import Fault, OrderSpec, PersonSpec, Turn

CUSTOMER = PersonSpec(real_name="SAM SIMULATED")
_MOST_ORDERS = 20  # of one demo: each is looked at ten times a second
_LARGEST = Decimal(10) ** 12
_SETTLES_S = 30.0


class MistypedError(ValueError):
    """What was typed cannot be done; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the table."""

    usage: str
    about: str
    act: Callable[[Typist, str], Awaitable[None]]


@dataclass(slots=True)
class Typist:
    """Carries out what is typed. ``patient``: each line waits until everything is settled (input from a pipe)."""

    show: Show
    patient: bool
    done: bool = False

    async def work_off(self, lines: AsyncGenerator[str]) -> None:
        """Carry out each line until the input or the person ends it."""
        if self.patient:
            await self.settle()
        async with aclosing(lines):
            async for line in lines:
                await self.take(line)
                if self.done:
                    return

    async def take(self, text: str) -> None:
        """Carry out one line; after it ``done`` says whether it was the last."""
        text = text.strip()
        if not text:
            return
        try:
            if text.startswith("/"):
                await self._command(text)
            else:
                await self.show.stage.box.say(self.show.current, text)
        except MistypedError as mistake:
            self.show.screen.note(str(mistake))
        if self.patient and not self.done:
            await self.settle()

    async def settle(self) -> None:
        """Wait until the current order is decided and answered, and tell of it."""
        if not await self.show.stage.until_settled(self.show.current, _SETTLES_S):
            self.show.screen.note(f"not settled within {_SETTLES_S:.0f} s; going on")
        await self.show.refresh()

    async def _command(self, text: str) -> None:
        name, _, rest = text[1:].partition(" ")
        command = COMMANDS.get(name.casefold())
        if command is None:
            raise MistypedError(f"there is no command /{name}; /help lists them. A text without / is said in the chat")
        await command.act(self, rest.strip())

    async def turn(self, turn: Turn) -> None:
        """Let the order take a turn."""
        try:
            await self.show.stage.box.turn(self.show.current, turn)
        except IllegalTransition:
            life = life_words(self.show.stage.box.world.life(self.show.current))
            raise MistypedError(f"that is not possible while the order is {life}; /order opens another") from None

    async def order(self, text: str) -> None:
        """Open another order and go on there."""
        if len(self.show.stage.orders) >= _MOST_ORDERS:
            raise MistypedError(f"{_MOST_ORDERS} orders are enough for a demo; start it again for more")
        await self.show.open(order_spec(text))

    async def operator(self, text: str) -> None:
        """Let a person of ours write."""
        if not text:
            raise MistypedError("write what our person says: /operator I look into it")
        await self.show.stage.box.operator_says(self.show.current, text)

    async def drop(self, _: str) -> None:
        """Cut the connection."""
        await self.show.stage.box.inject(Fault("drop"))
        self.show.screen.note(
            "the chat's connection was cut; what is said now is found in the history after reconnecting"
        )

    async def image(self, _: str) -> None:
        """Send a picture."""
        await self.show.stage.box.send_image(self.show.current)

    async def why(self, _: str) -> None:
        """Show the last decision with its trace."""
        entries = [entry for entry in (await self.show.view()).inbox if entry.reason is not Reason.SYSTEM_MESSAGE]
        if not entries:
            raise MistypedError("nothing was decided yet")
        self._explain(entries[-1])

    def _explain(self, entry: InboxEntry) -> None:
        screen, (rows, more) = self.show.screen, why_table(entry, self.show.stage.account.rules())
        about = f"«{shown(entry.text, 60)}»" if entry.text else entry.kind.value
        words = "" if entry.reason is Reason.ANSWERED else f": {reason_words(entry.reason)}"
        screen.say(f"  {about} · {screen.paint('bold', entry.reason.value)}{words}")
        names = max((len(rule) for rule, _, _ in rows), default=0)
        for rule, said, where in rows:
            screen.row(f"    {shown(rule, 64):{names}}  ", shown(said), f" ({shown(where, 60)})")
        if more:
            screen.note(f"  and {more} more rules that were not meant")

    async def help(self, _: str) -> None:
        """List the commands."""
        rows = [(f"  {command.usage}", command.about) for command in COMMANDS.values()]
        for row in columns([("  any other text", "you say it as the customer"), *rows]):
            self.show.screen.say(row)

    async def quit(self, _: str) -> None:
        """End."""
        self.done = True


def _turning(turn: Turn) -> Callable[[Typist, str], Awaitable[None]]:
    async def act(typist: Typist, _: str) -> None:
        await typist.turn(turn)

    return act


COMMANDS = {
    "order": Command(
        "/order side=sell amount=100", "a new order (side=buy: we buy; also asset= fiat= price=)", Typist.order
    ),
    "paid": Command("/paid", "the order is marked as paid", _turning(Turn.PAY)),
    "release": Command("/release", "the crypto is released: the order is completed", _turning(Turn.RELEASE)),
    "cancel": Command("/cancel", "the order is cancelled", _turning(Turn.CANCEL)),
    "appeal": Command("/appeal", "the customer opens an appeal", _turning(Turn.APPEAL)),
    "operator": Command("/operator TEXT", "a person of ours writes: p2pbot leaves the order to them", Typist.operator),
    "image": Command("/image", "the customer sends a picture", Typist.image),
    "drop": Command("/drop", "the connection to the exchange is cut", Typist.drop),
    "why": Command("/why", "the last decision, with what each rule said", Typist.why),
    "help": Command("/help", "this list", Typist.help),
    "quit": Command("/quit", "the end (as Ctrl-D and Ctrl-C)", Typist.quit),
}


def order_spec(text: str) -> OrderSpec:
    """Return the order that ``side=buy amount=500 …`` describes. Raises MistypedError."""
    given = {}
    for part in text.split():
        key, equals, value = part.partition("=")
        if not equals or key not in ("side", "amount", "asset", "fiat", "price"):
            raise MistypedError(f"{part!r} is not understood; write for example: /order side=buy amount=500 fiat=EUR")
        given[key] = value
    if "fiat" in given:
        given.setdefault("fiat_symbol", given["fiat"].upper())
    numbers = {key: _number(key, given[key]) for key in ("amount", "price") if key in given}
    codes = {key: _code(key, given[key]) for key in ("asset", "fiat", "fiat_symbol") if key in given}
    return OrderSpec(side=_side(given.get("side", "sell")), counterparty=CUSTOMER, **numbers, **codes)  # type: ignore[arg-type]  # the keys are those above


def _side(text: str) -> Side:
    try:
        return Side(text.casefold())
    except ValueError:
        raise MistypedError(f"side is sell or buy, seen from us, not {text!r}") from None


def _number(key: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 < number <= _LARGEST):
        raise MistypedError(f"{key} is a number above 0, such as 250.50, not {text!r}")
    return number


def _code(key: str, text: str) -> str:
    if not (text.isascii() and text.isalnum() and len(text) <= 10):  # noqa: PLR2004 - the longest code of the market
        raise MistypedError(f"{key} is a code such as USDT or EUR, not {text!r}")
    return text.upper()
