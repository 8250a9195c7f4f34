"""What tells the operator, put together from the configuration: couriers for the services, the watch, the summary.

Promise: a service's address is read and understood before anything begins.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from functools import partial
from typing import NoReturn
from zoneinfo import ZoneInfo

from p2pbot.adapters.disk import free_bytes
from p2pbot.adapters.notify import AppriseService
from p2pbot.adapters.secrets_source import read_secret
from p2pbot.app.doors import Fittings
from p2pbot.config import Notifications, Service, Settings
from p2pbot.conversation.watch import WatchPolicy
from p2pbot.daemon.account import Account
from p2pbot.daemon.notices import Courier, Post
from p2pbot.daemon.progress import Progress
from p2pbot.daemon.summary import SummaryLoop
from p2pbot.daemon.watch import WatchLoop
from p2pbot.errors import ConfigError, OurError
from p2pbot.ports import Clock
from p2pbot.secret import Secret


def open_services(wanted: Notifications, environ: Mapping[str, str]) -> list[tuple[Service, AppriseService]]:
    """Return each service with its door. Raises ConfigError with one finding for each that cannot be used."""
    opened, findings = [], []
    for service in wanted.services:
        try:
            opened.append((service, AppriseService(service.name, _address(service, environ))))
        except ConfigError as error:
            findings.append(f"notifications, service {service.name}: {error}")
    if findings:
        raise ConfigError("some services for notifications cannot be used", findings=tuple(findings))
    return opened


def couriers(
    wanted: Notifications, environ: Mapping[str, str], fittings: Fittings, progress: Progress
) -> tuple[Courier, ...]:
    """Return one courier for each service. Raises ConfigError."""
    clock, rng, events = fittings.clock, fittings.rng, fittings.events
    opened = open_services(wanted, environ)
    return tuple(Courier(door, wanted.policy(service), clock, rng, events, progress) for service, door in opened)


def loops(
    settings: Settings, accounts: Mapping[str, Account], post: Post, clock: Clock
) -> Iterator[tuple[str, Coroutine[object, object, NoReturn]]]:
    """Yield the root loops by name: one for each service, and those that notice what is to be told."""
    for courier in post.couriers:
        yield f"notices to {courier.name}", courier.run()
    wanted = settings.notifications
    policy = WatchPolicy(
        deaf_ms=wanted.deaf_after.ms,
        in_doubt_ms=wanted.in_doubt_after.ms,
        disk_low_bytes=wanted.disk_low_mib * 1024 * 1024,
    )
    free = partial(free_bytes, settings.state_dir)
    yield "watch", WatchLoop(policy, accounts.values(), free, post, clock).run()
    store = next(iter(accounts.values())).doors.store  # one for all accounts
    modes = {name: account.plan.policy.mode for name, account in accounts.items()}
    minute, zone = wanted.summary_minute, ZoneInfo(wanted.zone)
    yield "summary", SummaryLoop(store, clock, post, modes, minute=minute, zone=zone).run()


def _address(service: Service, environ: Mapping[str, str]) -> Secret:
    if service.source is None:
        raise OurError("the schema let a service without an address pass")
    return Secret(read_secret(service.source, environ).strip())
