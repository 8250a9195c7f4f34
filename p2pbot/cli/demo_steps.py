"""The script of ``p2pbot demo --script``, as a table: what happens, and what must come of it.

The rules are those of the starter set, and the demo's own: a picture, and what the account holds. Each chapter is one
order; chapters are played at the same time. A step's ``act`` returns the key of what is to be decided.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from p2pbot.cli.demo_balance import says_in_gap, says_when_it_holds, says_when_known
from p2pbot.cli.demo_judge import Expected, Reply, Silence
from p2pbot.cli.demo_stage import ACCOUNT, Stage
from p2pbot.model import EventKind, Path, Reason, Side
from p2pbot.sandbox import Fault, Turn

Act = Callable[[Stage, str], Awaitable[str]]
_OFFLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens in an order, and what must come of it."""

    about: str
    act: Act
    expected: Expected


@dataclass(frozen=True, slots=True)
class Chapter:
    """What happens in one order. ``alone``: it would disturb the others, so it is played after them."""

    about: str
    steps: tuple[Step, ...]
    side: Side = Side.SELL
    alone: bool = False


async def opened(_: Stage, __: str) -> str:
    """Do nothing: the order was just opened, which is an event."""
    return f"e:{EventKind.ORDER_CREATED.value}"


def says(text: str) -> Act:
    """Let the customer say a text."""

    async def act(stage: Stage, number: str) -> str:
        return f"m:{await stage.box.say(number, text)}"

    return act


def turns(turn: Turn, event: EventKind) -> Act:
    """Let the order take a turn, which raises an event."""

    async def act(stage: Stage, number: str) -> str:
        await stage.box.turn(number, turn)
        return f"e:{event.value}"

    return act


async def person_writes(stage: Stage, number: str) -> str:
    """Let a person of ours write in the app."""
    return f"m:{await stage.box.operator_says(number, 'I will look into this myself.')}"


def says_in_appeal(text: str) -> Act:
    """Let the customer open an appeal and say a text."""

    async def act(stage: Stage, number: str) -> str:
        await stage.box.turn(number, Turn.APPEAL)
        return f"m:{await stage.box.say(number, text)}"

    return act


def says_while_away(text: str) -> Act:
    """Cut the connection, keep the next connect from succeeding, and say a text meanwhile: no socket carries it."""

    async def act(stage: Stage, number: str) -> str:
        async def is_off() -> bool:
            return not stage.online

        await stage.box.inject(Fault("upgrade_status", account=ACCOUNT, status=503, count=1))
        await stage.box.inject(Fault("drop", account=ACCOUNT))
        await stage.until(is_off, _OFFLINE_S)
        return f"m:{await stage.box.say(number, text)}"

    return act


def says_and_reply_is_swallowed(text: str) -> Act:
    """Say a text whose reply the exchange loses without a word."""

    async def act(stage: Stage, number: str) -> str:
        await stage.box.inject(Fault("swallow", account=ACCOUNT, order=number, count=1))
        return f"m:{await stage.box.say(number, text)}"

    return act


def says_and_push_repeats(text: str) -> Act:
    """Say a text that is pushed three times, and again when it is marked as read."""

    async def act(stage: Stage, number: str) -> str:
        await stage.box.inject(Fault("duplicate", account=ACCOUNT, order=number, count=1, copies=2))
        message_id = await stage.box.say(number, text)
        await stage.box.read(number)
        return f"m:{message_id}"

    return act


def _greeted(*steps: Step) -> tuple[Step, ...]:
    return (Step("the order is opened", opened, Reply("greeting")), *steps)


CHAPTERS = (
    Chapter(
        "a sale from beginning to end",
        _greeted(
            Step("they ask how to pay", says("Hello! How do I pay?"), Reply("how-to-pay")),
            Step("they say that they paid", says("I paid"), Reply("paid-claim")),
            Step("they say so again", says("I PAID!!"), Silence(Reason.LIMITED)),
            Step("the order is paid", turns(Turn.PAY, EventKind.ORDER_PAID), Reply("waiting")),
            Step("the order is completed", turns(Turn.RELEASE, EventKind.ORDER_COMPLETED), Reply("thanks")),
        ),
    ),
    Chapter(
        "a picture",
        _greeted(
            Step("they ask for a picture", says("Can you show me the picture?"), Reply("demo-picture", pictures=1)),
            Step("they ask again", says("show me the picture, please"), Silence(Reason.LIMITED)),
        ),
    ),
    Chapter(
        "what the merchant's own account holds",
        _greeted(
            Step("there is plenty; they ask", says_when_known("Is it in stock?"), Reply("demo-plenty")),
            Step("it is nearly gone", says_when_it_holds(40, "Still in stock?"), Reply("demo-nearly-out")),
            Step("nobody knows how much", says_in_gap("And now, in stock?"), Silence(Reason.NO_RULE)),
            Step("it is known again", says_when_known("So, in stock?"), Reply("demo-nearly-out")),
        ),
    ),
    Chapter(
        "a Russian customer",
        _greeted(Step("they say that they paid", says("Здравствуйте, я оплатил"), Reply("paid-claim", language="ru"))),
    ),
    Chapter(
        "a Spanish customer",
        _greeted(Step("they say that they paid", says("Hola, ya pagué"), Reply("paid-claim", language="es"))),
    ),
    Chapter(
        "a Chinese customer",
        _greeted(Step("they say that they paid", says("我付款了"), Reply("paid-claim", language="zh"))),
    ),
    Chapter(
        "a purchase is never answered as a sale",
        (
            Step("the order is opened: we pay", opened, Silence(Reason.NO_RULE)),
            Step("what a sale's rules would answer", says("How do I pay? I paid"), Silence(Reason.NO_RULE)),
        ),
        side=Side.BUY,
    ),
    Chapter(
        "a person of ours takes over",
        _greeted(
            Step("our person writes in the app", person_writes, Silence(Reason.OPERATOR_MESSAGE)),
            Step("the customer goes on", says("How do I pay?"), Silence(Reason.TAKEN_OVER)),
        ),
    ),
    Chapter(
        "an appeal",
        _greeted(
            Step("the order is paid", turns(Turn.PAY, EventKind.ORDER_PAID), Reply("waiting")),
            Step("an appeal is opened; they write", says_in_appeal("How long?"), Silence(Reason.IN_APPEAL)),
        ),
    ),
    Chapter(
        "the exchange repeats itself",
        _greeted(
            Step("one message is pushed four times", says_and_push_repeats("How do I pay?"), Reply("how-to-pay")),
            Step("the talk goes on", says("thanks, doing it now"), Silence(Reason.NO_RULE)),
        ),
    ),
    Chapter(
        "the exchange loses a frame",
        _greeted(
            Step(
                "the reply's first write is lost",
                says_and_reply_is_swallowed("I paid"),
                Reply("paid-claim", attempts=2),
            ),
        ),
    ),
    Chapter(
        "the connection is cut",
        _greeted(
            Step(
                "they write while p2pbot is away",
                says_while_away("How do I pay?"),
                Reply("how-to-pay", path=Path.HISTORY),
            ),
        ),
        alone=True,
    ),
)
