"""The shape of a rule file: one pydantic specification drives parsing, "did you mean", the JSON Schema and the docs.

Promise: what the language has and this version has not is refused with a sentence; nothing is ever ignored in silence.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from p2pbot.document import complaint
from p2pbot.model import EventKind, LimitScope, Mode, OrderStatus, Side
from p2pbot.rules.fields import (
    YEAR_MS,
    Days,
    Item,
    Language,
    Many,
    Name,
    Numbers,
    Percents,
    Phrases,
    SpokenLanguage,
    Strict,
    duration,
    meant_shape,
    worded,
)
from p2pbot.rules.figures import GROUPS, AskedFigures
from p2pbot.rules.hours import DayRange, WindowSpec, Zone
from p2pbot.rules.languages import LANGUAGES
from p2pbot.rules.measures import duration_range_ms

__all__ = ["FileSpec", "Language", "Many", "Name", "RuleSpec", "Strict"]
# What these tell of is the operator's alone: a rule may act on them, never speak.
SPEECHLESS = frozenset({EventKind.OPERATOR_MESSAGE, EventKind.APPEAL_OPENED, EventKind.APPEAL_CLOSED})
# What happens to the merchant's own account: it has no order, unless a rule says in which orders it counts.
ACCOUNT_EVENTS = frozenset({EventKind.FUTURES_ORDER_FILLED, EventKind.MARGIN_CALL, EventKind.BALANCE_BELOW})
TIMED = {EventKind.PAYMENT_EXPIRING: "before", EventKind.SILENCE: "for"}
MAX_TAGS = 20  # tags that one order may carry
# What people call it who know other bots
_OTHER_WORDS = {
    "id": ("name", "rule"),
    "on": ("event", "events", "trigger"),
    "words": ("keyword", "keywords", "contains", "phrases"),
    "when": ("if", "condition", "conditions", "where"),
    "reply": ("answer", "response", "respond", "text", "message", "say", "then", "replies"),
    "limit": ("cooldown", "once"),
    "delay": ("wait", "sleep"),
    "mode": ("enabled", "disabled", "shadow"),
}
_TYPING = re.compile(r"(\d{1,3})\s?cps")
_LONGEST_DELAY_MS = 600_000  # a reply that comes later answers nobody


def _delay(text: str) -> tuple[int, int]:
    low, high = duration_range_ms(text)
    if high > _LONGEST_DELAY_MS:
        raise ValueError(f"`{text[:40]}` is too long; at most 10m")
    return low, high


def _typing(text: str) -> int:
    found = _TYPING.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise ValueError(f"`{text[:40]}` is not a speed; write 12cps (characters per second)")
    return int(found[1])


TagValue = Annotated[str, Field(min_length=1, max_length=64)]


class CounterpartySpec(Strict):
    """``when.counterparty``."""

    orders: Numbers | None = None
    completion: Percents | None = None
    registered: Days | None = None
    trades_with_us: Numbers | None = None
    nickname: Many[Item] | None = None
    open_id: Many[Item] | None = None


def _window(value: object) -> object:
    if isinstance(value, str) and ":" in value:
        hint = "write windows: {open: {zone: Europe/Istanbul, hours: …}} at the top of a file, and `hours: open` here"
        raise complaint(f"`{value[:40]}` needs a name and a time zone", hint=hint)
    return value


WindowName = Annotated[Name, BeforeValidator(_window)]


PictureType = Literal["jpeg", "png", "gif", "webp", "bmp", "tiff", "heic", "avif", "other"]


class PictureSpec(Strict):
    """``when.picture``: what the bytes of the counterparty's picture say. It is fetched because a rule asks."""

    type: Many[PictureType] | None = None
    lied: bool | None = None
    broken: bool | None = None
    kib: Numbers | None = None
    width: Numbers | None = None
    height: Numbers | None = None


class WhenSpec(Strict):
    """``when:``: all must hold; a list means any of it."""

    EXPLAINED_KEYS: ClassVar[dict[str, str]] = {}

    side: Many[Side] | None = None
    order_status: Many[Literal["unpaid", "paid", "appeal", "completed", "cancelled"]] | None = None
    asset: Many[Item] | None = None
    fiat: Many[Item] | None = None
    amount: Numbers | None = None
    total: Numbers | None = None
    price: Numbers | None = None
    payment_method: Many[Item] | None = None
    ad: Many[Item] | None = None
    account: Many[Item] | None = None
    counterparty: CounterpartySpec | None = None
    first_message: bool | None = None
    message_no: Numbers | None = None
    picture: PictureSpec | None = None
    language: Many[Language] | None = None
    operator_idle: Annotated[int, duration(YEAR_MS, "366d")] | None = None
    hours: Many[WindowName] | None = None
    weekday: Many[DayRange] | None = None
    zone: Zone | None = None
    after_rule: Many[Name] | None = None
    tag: Annotated[dict[Name, Many[TagValue]], Field(min_length=1)] | None = None
    futures: AskedFigures | None = None
    balance: AskedFigures | None = None
    spot: AskedFigures | None = None

    @model_validator(mode="after")
    def _a_zone_is_for_days(self) -> Self:
        if self.zone is not None and self.weekday is None:
            raise complaint("`zone` is for `weekday`; a window of `hours` has its own")
        return self

    @property
    def figures(self) -> dict[str, AskedFigures]:
        """What is asked of the merchant's own account, by group."""
        return {group: asked for group in GROUPS if (asked := getattr(self, group)) is not None}

    @property
    def statuses(self) -> frozenset[OrderStatus]:
        """The order states in which the rule may speak; empty means any."""
        return frozenset(OrderStatus(status) for status in self.order_status or ())


class OncePerSpec(Strict):
    """``{once_per: order}``."""

    once_per: Literal["order", "counterparty", "day"]


class EverySpec(Strict):
    """``{every: 10m, per: order}``."""

    every: Annotated[int, duration(YEAR_MS, "366d")]
    per: Literal["order", "counterparty", "account"] = "order"


class AtMostSpec(Strict):
    """``{at_most: 3, per: order}``."""

    at_most: Annotated[int, Field(ge=1, le=1000)]
    per: LimitScope = LimitScope.ORDER


def _limit(value: object) -> object:
    if isinstance(value, str):
        raise complaint(f"`{value[:40]}` is not a limit", hint=f"write {_LIMIT_EXAMPLES}")
    kinds = [kind for kind in _LIMITS if isinstance(value, dict) and kind in value]
    if len(kinds) > 1:
        hint = "write a list: [{every: …}, {at_most: …}]"
        raise complaint(f"`{kinds[0]}` and `{kinds[1]}` are two limits", hint=hint)
    return value


def _limit_shape(value: object) -> str:
    if isinstance(value, dict):
        return meant_shape(value, _LIMITS, "<once_per>")
    return "<every>" if isinstance(value, EverySpec) else "<at_most>" if isinstance(value, AtMostSpec) else "<once_per>"


_LIMIT_EXAMPLES = "{once_per: order}, {every: 10m, per: order} or {at_most: 3, per: order}"
_LIMITS = {"once_per": "<once_per>", "every": "<every>", "at_most": "<at_most>"}
Limit = Annotated[
    Annotated[OncePerSpec, Tag("<once_per>")]
    | Annotated[EverySpec, Tag("<every>")]
    | Annotated[AtMostSpec, Tag("<at_most>")],
    Discriminator(_limit_shape),
    BeforeValidator(_limit),
]


class HandoverSpec(Strict):
    """``handover: {for: 2h, reason: …}``."""

    for_ms: Annotated[int, duration(YEAR_MS, "366d")] | None = Field(None, alias="for")
    reason: Annotated[str, Field(max_length=200)] = ""


class TypingSpec(Strict):
    """``delay: {typing: 12cps}``: as long as a person would need to type it."""

    typing: Annotated[int, BeforeValidator(worded(_typing), json_schema_input_type=str)]


class SnippetSpec(Strict):
    """``{snippet: wait}``: a text that is written once, under ``snippets:``."""

    snippet: Name


class ChoiceSpec(Strict):
    """``{text_any: […]}``: one of them, by chance."""

    EXPLAINED_KEYS: ClassVar = {
        "image": "a picture is a part of its own; `text_any` may stand under its `caption`",
        "caption": "`caption` belongs to an `image`",
    }

    text_any: Annotated[Many[str], Field(max_length=50)]


_SAYING = {"snippet": "<snippet>", "text_any": "<choice>", "image": "<image>", "caption": "<image>"}
_SAYING |= dict.fromkeys(sorted(LANGUAGES), "<languages>")


def _reply_shape(value: object) -> str:
    match value:
        case list():
            return "<bubbles>"
        case SnippetSpec():
            return "<snippet>"
        case ChoiceSpec():
            return "<choice>"
        case ImageSpec():
            return "<image>"
        case dict():
            return meant_shape(value, _SAYING, "<languages>")
        case _:
            return "<text>"


def _handover_shape(value: object) -> object:
    """``handover: yes`` and ``handover: 2h`` are short for a mapping."""
    if not isinstance(value, str):
        return value
    if value in {"yes", "true", "on"}:
        return {}
    if not value[:1].isdigit():
        raise complaint(f"`{value[:40]}` is neither yes nor a time", hint="write yes, 2h or {for: 2h, reason: …}")
    return {"for": value}


def _delay_shape(value: object) -> str:
    return "<typing>" if isinstance(value, dict | TypingSpec) else "<delay>"


Text = Annotated[str, Tag("<text>")]
Choice = Annotated[ChoiceSpec, Tag("<choice>")]
Snippet = Annotated[SnippetSpec, Tag("<snippet>")]
TextLine = Annotated[Text | Choice | Snippet, Discriminator(_reply_shape)]
TextByLanguage = Annotated[dict[Language, TextLine], Field(min_length=1), Tag("<languages>")]


class ImageSpec(Strict):
    """``{image: images/qr.png, caption: …}``: a picture beside the rule file, and a text below it."""

    image: str
    caption: Annotated[Text | Choice | Snippet | TextByLanguage, Discriminator(_reply_shape)] | None = None


Image = Annotated[ImageSpec, Tag("<image>")]
Line = Annotated[Text | Choice | Snippet | Image, Discriminator(_reply_shape)]
ByLanguage = Annotated[dict[Language, Line], Field(min_length=1), Tag("<languages>")]
Bubble = Annotated[Text | Choice | Snippet | Image | ByLanguage, Discriminator(_reply_shape)]
Lines = Annotated[list[Bubble], Field(min_length=1, max_length=10), Tag("<bubbles>")]
Spoken = Annotated[Text | Choice | Snippet | Image | Lines, Discriminator(_reply_shape)]
SpokenByLanguage = Annotated[dict[Language, Spoken], Field(min_length=1), Tag("<languages>")]
Reply = Annotated[Text | Choice | Snippet | Image | Lines | SpokenByLanguage, Discriminator(_reply_shape)]
Written = Annotated[Text | Choice, Discriminator(_reply_shape)]
WrittenByLanguage = Annotated[dict[Language, Written], Field(min_length=1), Tag("<languages>")]
Snippets = Annotated[Text | Choice | WrittenByLanguage, Discriminator(_reply_shape)]
DelayRange = Annotated[tuple[int, int], BeforeValidator(worded(_delay), json_schema_input_type=str), Tag("<delay>")]
Delay = Annotated[DelayRange | Annotated[TypingSpec, Tag("<typing>")], Discriminator(_delay_shape)]


class MatchSpec(Strict):
    """What a message must hold; all of it. Blocks hold the same keys again."""

    words: Phrases | None = None
    not_words: Phrases | None = None
    all_words: Phrases | None = None
    not_all_words: Phrases | None = None
    exact: Phrases | None = None
    not_exact: Phrases | None = None
    starts: Phrases | None = None
    not_starts: Phrases | None = None
    regex: Annotated[Many[str], Field(max_length=50)] | None = None
    not_regex: Annotated[Many[str], Field(max_length=50)] | None = None
    any_: Annotated[Many[BlockSpec], Field(max_length=20)] | None = Field(None, alias="any")
    all_: Annotated[Many[BlockSpec], Field(max_length=20)] | None = Field(None, alias="all")
    not_: Annotated[Many[BlockSpec], Field(max_length=20)] | None = Field(None, alias="not")


class BlockSpec(MatchSpec):
    """One item of ``any:``, ``all:`` or ``not:``."""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not self.model_fields_set:
            raise complaint("the block is empty", hint="write words, regex … into it")
        return self


class RuleSpec(MatchSpec):
    """One rule as it is written."""

    EXPLAINED_KEYS: ClassVar[dict[str, str]] = {
        key: f"`{key}` is a condition; write `when: {{{key}: …}}`" for key in WhenSpec.model_fields
    } | {word: f"`{word}` is called `{key}` here" for key, words in _OTHER_WORDS.items() for word in words}
    MISSING_HINTS: ClassVar = {"id": "give the rule a name of its own, such as `id: paid-claim`"}

    id: Name
    on: Many[EventKind] = (EventKind.MESSAGE,)
    before: Annotated[int, duration(86_400_000, "24h")] | None = None
    for_: Annotated[int, duration(86_400_000, "24h")] | None = Field(None, alias="for")
    typos: Literal["0", "1"] = "0"
    when: WhenSpec = WhenSpec()
    limit: Many[Limit] = (OncePerSpec(once_per="order"),)
    group: Name | None = None
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    continue_: bool = Field(default=False, alias="continue")
    stop: bool = False
    reply: Reply | None = None
    delay: Delay = (0, 0)
    debounce: Annotated[int, duration(30_000, "30s")] | None = None
    expires: Annotated[int, duration(3_600_000, "1h")] | None = None
    notify: Annotated[Many[str], Field(max_length=5)] | None = None
    handover: Annotated[HandoverSpec, BeforeValidator(_handover_shape)] | None = None
    unmute: bool = False
    set: Annotated[dict[Name, TagValue], Field(min_length=1, max_length=MAX_TAGS)] | None = None
    mode: Mode = Mode.LIVE
    examples: Annotated[Many[str], Field(max_length=200)] | None = None
    not_examples: Annotated[Many[str], Field(max_length=200)] | None = None


WhenSpec.EXPLAINED_KEYS.update(
    {
        field.alias or key: f"`{field.alias or key}` stands beside `when`, not in it"
        for key, field in RuleSpec.model_fields.items()
    }
)


class SharedSpec(Strict):
    """What a file gives to the rules of every file, by name."""

    timezone: Zone | None = None
    default_language: SpokenLanguage | None = None
    snippets: Annotated[dict[Name, Snippets], Field(max_length=500, default_factory=dict)]
    lists: Annotated[
        dict[Name, Annotated[Many[str], Field(max_length=10_000)]], Field(max_length=500, default_factory=dict)
    ]
    windows: Annotated[dict[Name, WindowSpec], Field(max_length=100, default_factory=dict)]


class FileSpec(SharedSpec):
    """A rule file. One without rules may hold lists, snippets and windows for the others."""

    MISSING_HINTS: ClassVar = {"version": "write `version: 1` at the top of the file"}

    version: Literal["1"]
    rules: Annotated[list[RuleSpec], Field(default_factory=list)]
