"""The shape of a dialogue test: an order, a clock, and a chat in which each step is something said or expected.

Promise: ``tests:`` may stand beside rules or in a file of their own; what a step may hold is checked like a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from p2pbot.document import complaint, did_you_mean
from p2pbot.model import EventKind, Reason
from p2pbot.rules.given import GivenCounterparty, GivenFacts
from p2pbot.rules.measures import duration_ms, moment_ms
from p2pbot.rules.spec import FileSpec, Many, Name, RuleSpec, Strict

START_MS = 1_767_607_200_000  # 2026-01-05 10:00 UTC, a Monday: the clock of a test that sets none
MAX_STEPS = 200  # of one test; a longer talk is several tests
_LONGEST_WAIT_MS = 366 * 86_400_000
_SILENT = (
    *(Reason.NO_RULE, Reason.LIMITED, Reason.RENDER_FAILED, Reason.QUOTES_US, Reason.MACHINE_FAST, Reason.MUTED),
    *(Reason.TAKEN_OVER, Reason.IN_APPEAL, Reason.ORDER_UNKNOWN, Reason.BREAKER, Reason.CAP_ORDER, Reason.LATE),
    *(Reason.CAP_COUNTERPARTY, Reason.CAP_ACCOUNT, Reason.ORDER_CHANGED, Reason.OPERATOR_MESSAGE, Reason.BACKLOG),
)
REASONS = {"limit": Reason.LIMITED} | {reason.value: reason for reason in _SILENT}
FOLLOWS = ("first_message", "message_no", "operator_idle")


def _because(value: object) -> object:
    if value in REASONS:
        return REASONS[str(value)]
    if isinstance(value, Reason):
        return value
    word = str(value)
    raise complaint(f"`{word[:40]}` is no reason for silence", hint=did_you_mean(word, REASONS) or _some_reasons())


def _some_reasons() -> str:
    return "known here: " + ", ".join(sorted(REASONS))


def _clock(value: object) -> object:
    try:
        return moment_ms(str(value))
    except ValueError as error:
        raise complaint(str(error)) from None


def _span(value: object) -> object:
    try:
        span_ms = duration_ms(str(value))
    except ValueError as error:
        raise complaint(str(error)) from None
    if span_ms > _LONGEST_WAIT_MS:
        raise complaint("this is too long to wait; at most 366d")
    return span_ms


def _short(key: str) -> Callable[[Any], Any]:
    """Return a validator that reads a text as ``{key: text}`` and nothing as ``{}``."""

    def validate(value: object) -> object:
        if value is None:
            return {}
        return {key: value} if isinstance(value, str | list) else value

    return validate


class PersonGiven(GivenCounterparty):
    """The other side of a test: a name is there, as in nearly every order."""

    name: str = "Ann Lee"


class OrderGiven(GivenFacts):
    """The order of a test and what has been before, or what changes of it."""

    counterparty: PersonGiven = PersonGiven()

    @model_validator(mode="after")
    def _only_the_order(self) -> Self:
        given = next((name for name in FOLLOWS if name in self.model_fields_set), None)
        if given:
            raise complaint(f"`{given}` follows from the chat itself", hint="let the chat's steps bring it about")
        return self


class BotSpec(Strict):
    """``bot: {rule: paid-claim, contains: notify seller}``: the next reply. All that is written must hold."""

    rule: Name | None = None
    contains: Many[str] | None = None
    text: Many[str] | None = None
    notify: Many[str] | None = None
    handover: bool | None = None


class NoneSpec(Strict):
    """``none: {because: limit}``: no reply to what came last."""

    because: Annotated[Reason, BeforeValidator(_because, json_schema_input_type=str)] | None = None


class StepSpec(Strict):
    """One step of a chat; exactly one key."""

    MAY_BE_EMPTY: ClassVar = frozenset({"bot", "none"})  # `- none:` says all that there is to say

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    counterparty: Annotated[str, Field(max_length=4000)] | None = None
    image: str | None = None
    operator: Annotated[str, Field(max_length=4000)] | None = None
    order: OrderGiven | None = None
    event: EventKind | None = None
    wait: Annotated[int, BeforeValidator(_span, json_schema_input_type=str)] | None = None
    bot: Annotated[BotSpec, BeforeValidator(_short("contains"), json_schema_input_type=str | BotSpec)] | None = None
    none: Annotated[NoneSpec, BeforeValidator(_short("because"), json_schema_input_type=str | NoneSpec)] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if len(self.model_fields_set) != 1:
            known = ", ".join(StepSpec.model_fields)
            raise complaint("a step of a chat has exactly one key", hint=f"one of {known}; begin each with `- `")
        return self

    @property
    def key(self) -> str:
        """What kind of step it is."""
        return next(iter(self.model_fields_set))


class DialogueSpec(Strict):
    """One dialogue test."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    order: OrderGiven = OrderGiven()
    clock: Annotated[int, BeforeValidator(_clock, json_schema_input_type=str)] = START_MS
    chat: Annotated[list[StepSpec], Field(min_length=1, max_length=MAX_STEPS)]


class RuleFile(FileSpec):
    """A file of rules, of tests, or of both."""

    rules: list[RuleSpec] = Field(default_factory=list)
    tests: list[DialogueSpec] = Field(default_factory=list, max_length=500)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.model_fields_set <= {"version"}:
            raise complaint("the key `rules` is missing")
        return self
