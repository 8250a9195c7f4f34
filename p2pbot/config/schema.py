"""The shape of the configuration file: every key, its default and its bounds. ``settings`` makes it usable.

Promise: the numbers here are the only place of a default; ``config.example.yaml`` is tested against them.
Danger: a value that looks like a secret is refused by its key, and no error repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from p2pbot.config.archive import Archive
from p2pbot.config.console import Console
from p2pbot.config.durations import Duration, DurationText, between, parse_duration
from p2pbot.config.endpoints import Exchange
from p2pbot.config.keys import AccountKeyNames, FileName
from p2pbot.config.notifications import Notifications
from p2pbot.config.open_data import OpenData
from p2pbot.config.part import Part
from p2pbot.config.retention import Retention
from p2pbot.config.streams import Futures, Spot
from p2pbot.document import complaint
from p2pbot.model import Mode

MAX_ACCOUNTS = 50  # one process, one socket each; the address has a budget of 300 connects in 5 minutes
_SPAN_LOW, _SPAN_HIGH = Duration(60_000), Duration(30 * 86_400_000)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


def _account_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise complaint("a name has 1 to 32 small letters, digits and inner hyphens, such as main or shop-2")
    return text


def _order_or_span(order_means: str) -> Callable[[object], Literal["order"] | Duration]:
    """Return a validator of ``order`` (which means what it says) or a duration from a minute to 30 days."""

    def check(value: object) -> Literal["order"] | Duration:
        if value == "order":
            return "order"
        try:
            span = value if isinstance(value, Duration) else parse_duration(str(value))
        except ValueError:
            raise complaint(f"expected `order` ({order_means}) or a duration such as 2h") from None
        if not _SPAN_LOW <= span <= _SPAN_HIGH:
            raise complaint(f"must be `order` or between {_SPAN_LOW} and {_SPAN_HIGH}, is {span}")
        return span

    return check


def _version(text: str) -> str:
    if text != "1":
        raise complaint("this p2pbot reads configurations of version 1", hint="write `version: 1`")
    return text


def _up_to(highest: int) -> AfterValidator:
    def check(value: int) -> int:
        if not 1 <= value <= highest:
            raise complaint(f"must be between 1 and {highest}, is {value}")
        return value

    return AfterValidator(check)


Count = Annotated[int, _up_to(10_000)]


class Limits(Part):
    """The daemon's own caps beyond the rules.

    ``breaker``: our messages in an order without a different text of the counterparty between them; then silence.
    ``max_age``: an older message is not answered. ``reply_expires``: a reply not sent by then is dropped.
    """

    order_replies_per_hour: Count = 20
    counterparty_replies_per_day: Count = 60
    account_replies_per_minute: Count = 60
    breaker: Annotated[int, _up_to(100)] = 5
    max_age: Annotated[DurationText, between("10s", "1d")] = Duration(600_000)
    reply_expires: Annotated[DurationText, between("5s", "1d")] = Duration(120_000)


class Timings(Part):
    """How fast, how patient. The defaults fit the exchange as it is known; see docs/configuration.md for each."""

    order_spacing: Annotated[DurationText, between("100ms", "1m")] = Duration(1_000)
    account_spacing: Annotated[DurationText, between("0s", "1m")] = Duration(200)
    echo_timeout: Annotated[DurationText, between("500ms", "1m")] = Duration(5_000)
    settle_after: Annotated[DurationText, between("1s", "5m")] = Duration(10_000)
    order_poll: Annotated[DurationText, between("1s", "10m")] = Duration(30_000)
    facts_max_age: Annotated[DurationText, between("2s", "1h")] = Duration(90_000)
    chat_renewal: Annotated[DurationText, between("10s", "1d")] = Duration(3_000_000)
    idle_timeout: Annotated[DurationText, between("10s", "1d")] = Duration(600_000)
    connect_timeout: Annotated[DurationText, between("500ms", "2m")] = Duration(10_000)
    request_timeout: Annotated[DurationText, between("500ms", "2m")] = Duration(10_000)
    upload_timeout: Annotated[DurationText, between("1s", "5m")] = Duration(30_000)
    state_check: Annotated[DurationText, between("1s", "1d")] = Duration(3_600_000)
    shutdown_settle: Annotated[DurationText, between("0s", "2m")] = Duration(10_000)
    shutdown_close: Annotated[DurationText, between("100ms", "30s")] = Duration(3_000)


class Pictures(Part):
    """The pictures of our replies.

    ``too_large``: than ``max_mib``; refuse the rules, or shrink the picture. ``reuse_upload``: an upload serves the
    order that it was made for, or every order for a time. ``expires``: of a reply with a picture, for few may be
    uploaded in a minute.
    """

    max_mib: Annotated[int, _up_to(20)] = 5
    too_large: Literal["refuse", "shrink"] = "refuse"
    reuse_upload: Annotated[
        Literal["order"] | Annotated[Duration, between("1m", "30d")],
        BeforeValidator(_order_or_span("its own order alone")),
    ] = "order"
    uploads_per_minute: Annotated[int, _up_to(36)] = 36
    expires: Annotated[DurationText, between("5s", "1d")] = Duration(600_000)

    @property
    def reuse_ms(self) -> int | None:
        """How long an upload serves every order, in milliseconds; None = its own order alone."""
        return self.reuse_upload.ms if isinstance(self.reuse_upload, Duration) else None


class Takeover(Part):
    """What happens when a person writes in an order: silence until the order ends, or for a time."""

    mute: Annotated[
        Literal["order"] | Annotated[Duration, between("1m", "30d")],
        BeforeValidator(_order_or_span("until the order ends")),
    ] = "order"

    @property
    def mute_ms(self) -> int | None:
        """The silence in milliseconds; None = until the order ends."""
        return self.mute.ms if isinstance(self.mute, Duration) else None


class Log(Part):
    """The log on standard output. auto: columns on a terminal, JSON elsewhere."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class AccountEntry(AccountKeyNames):
    """One account as written. What is not given comes from the top level."""

    name: Annotated[str, AfterValidator(_account_name)]
    rules: Annotated[str, Field(min_length=1, max_length=4096)] = "rules"
    mode: Mode | None = None
    limits: Limits = Limits()
    recv_window: Annotated[DurationText, between("1s", "1m")] = Duration(5_000)
    futures: Futures = Futures()
    spot: Spot = Spot()
    open_data: OpenData | None = None
    open_ids: FileName = None


def _some_accounts(entries: tuple[AccountEntry, ...]) -> tuple[AccountEntry, ...]:
    if not entries:
        raise complaint("`accounts` needs at least one account with its name and keys")
    if len(entries) > MAX_ACCOUNTS:
        raise complaint(f"more than {MAX_ACCOUNTS} accounts: run a second p2pbot with a state directory of its own")
    return entries


class ConfigFile(Part):
    """The whole file."""

    EXPLAINED_KEYS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            key: f"`{key}` belongs to an account: write it under `accounts:`"
            for key in ("name", "rules", "recv_window", *AccountKeyNames.model_fields)
        }
        | {
            key: sentence.replace(": write", ": under `accounts:` write")
            for key, sentence in AccountKeyNames.EXPLAINED_KEYS.items()
        }
    )

    version: Annotated[str, AfterValidator(_version)]
    mode: Mode = Mode.SHADOW
    state_dir: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    exchange: Exchange = Exchange()
    accounts: Annotated[tuple[AccountEntry, ...], AfterValidator(_some_accounts)]
    limits: Limits = Limits()
    timings: Timings = Timings()
    takeover: Takeover = Takeover()
    pictures: Pictures = Pictures()
    archive: Archive = Archive()
    retention: Retention = Retention()
    log: Log = Log()
    notifications: Notifications = Notifications()
    console: Console = Console()
