"""Who is told what, and when: services by which the operator is reached, each an address that is a secret.

Promise: an address pasted into the file is recognised, refused and not repeated; without a service nothing leaves the
machine, and the words stand in the log alone.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Annotated, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, model_validator

from p2pbot.config.durations import Duration, DurationText, between
from p2pbot.config.keys import CredentialName, EnvName, FileName, SecretSource, SourceKind
from p2pbot.config.part import Part
from p2pbot.conversation.notices import NoticePolicy
from p2pbot.document import complaint
from p2pbot.model import Topic
from p2pbot.rules.hours import TimeRange, Window, Zone

MOST_SERVICES = 10  # each has a queue and, while it sends, a thread
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_TIME = re.compile(r"(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])")
_RIGHT_WAY = (
    "a service's address holds its secret and does not stand in this file: write `secret_file: PATH` (a file that only "
    "p2pbot's user can read), `secret_env: NAME` or `secret_credential: NAME`"
)


def _service_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise complaint("a name has 1 to 32 small letters, digits and inner hyphens, such as phone or night-shift")
    return text


def _no_address(text: str | None) -> str | None:
    if text is not None and "://" in text:
        raise complaint(_RIGHT_WAY)
    return text


def _per_hour(value: int) -> int:
    if not 1 <= value <= 100:  # noqa: PLR2004 - Telegram takes 20 a minute from a bot in a group; nobody reads 100 an hour
        raise complaint(f"must be between 1 and 100, is {value}")
    return value


def _low_mib(value: int) -> int:
    if not 10 <= value <= 100_000:  # noqa: PLR2004 - less is full, and more is no state directory's disk
        raise complaint(f"must be between 10 and 100000 (MiB), is {value}")
    return value


def _some_topics(topics: tuple[Topic, ...] | None) -> tuple[Topic, ...] | None:
    if topics == ():
        raise complaint("the list is empty", hint="remove the key for all reasons, or the service for none")
    return topics


def _time_of_day(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise complaint("expected a time of day", hint='write "20:00"')
    return text


Topics = Annotated[tuple[Topic, ...], AfterValidator(_some_topics)]


class Service(Part):
    """One way to reach the operator: an address as Apprise knows them. ``about``: for this service alone."""

    EXPLAINED_KEYS: ClassVar = MappingProxyType(dict.fromkeys(("url", "address", "secret", "token"), _RIGHT_WAY))

    name: Annotated[str, AfterValidator(_service_name)]
    secret_file: Annotated[FileName, AfterValidator(_no_address)] = None
    secret_env: EnvName = None
    secret_credential: CredentialName = None
    about: Topics | None = None

    @property
    def source(self) -> SecretSource | None:
        """Where the address is."""
        return next(iter(self._sources()), None)

    def _sources(self) -> list[SecretSource]:
        named = ((kind, f"secret_{kind.value}") for kind in SourceKind)
        return [SecretSource(kind, getattr(self, key), key) for kind, key in named if getattr(self, key) is not None]

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if len(given := [source.key for source in self._sources()]) > 1:
            raise complaint(f"{' and '.join(given)}: give one of them")
        if not given:
            raise complaint("the service has no address: write secret_file, secret_env or secret_credential")
        return self


def _few_services(services: tuple[Service, ...]) -> tuple[Service, ...]:
    if len(services) > MOST_SERVICES:
        raise complaint(f"more than {MOST_SERVICES} services")
    names = [service.name for service in services]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise complaint(f"two services are called `{twice}`", hint="each needs a name of its own")
    return services


class Notifications(Part):
    """What the operator is told.

    ``quiet_hours``: ordinary words wait until they end. ``repeat_after``: the same word is not said again before.
    ``deaf_after``, ``in_doubt_after``, ``disk_low_mib``: when these become a word. ``summary_at``: when shadow mode
    tells what it would have sent. All times of day are of ``zone``.
    """

    services: Annotated[tuple[Service, ...], AfterValidator(_few_services)] = ()
    about: Topics = tuple(Topic)
    zone: Zone = "UTC"
    quiet_hours: TimeRange | None = None
    urgent_in_quiet_hours: bool = True
    per_hour: Annotated[int, AfterValidator(_per_hour)] = 20
    repeat_after: Annotated[DurationText, between("1m", "1d")] = Duration(3_600_000)
    deaf_after: Annotated[DurationText, between("1m", "1d")] = Duration(300_000)
    in_doubt_after: Annotated[DurationText, between("1m", "1d")] = Duration(300_000)
    disk_low_mib: Annotated[int, AfterValidator(_low_mib)] = 200
    summary_at: Annotated[str, AfterValidator(_time_of_day)] = "20:00"

    @property
    def summary_minute(self) -> int:
        """The minute of the day at which the summary is told."""
        hour, _, minute = self.summary_at.partition(":")
        return int(hour) * 60 + int(minute)

    def policy(self, service: Service) -> NoticePolicy:
        """Return what a service is for."""
        zone = ZoneInfo(self.zone)
        quiet = Window("quiet", zone, (self.quiet_hours,), frozenset(range(7))) if self.quiet_hours else None
        return NoticePolicy(
            about=frozenset(service.about or self.about),
            per_hour=self.per_hour,
            repeat_ms=self.repeat_after.ms,
            quiet=quiet,
            urgent_in_quiet=self.urgent_in_quiet_hours,
            zone=zone,
        )
