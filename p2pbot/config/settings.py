"""The configuration as the program uses it: each account complete, paths absolute, nothing left to look up.

Promise: pure. ``parse_settings`` turns text into settings or into all findings at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from p2pbot.config.archive import Archive
from p2pbot.config.console import Console
from p2pbot.config.durations import Duration
from p2pbot.config.endpoints import Exchange
from p2pbot.config.keys import SecretNames, SecretSource, SourceKind
from p2pbot.config.notifications import Notifications
from p2pbot.config.open_data import SECRETS, OpenData, OpenDataSettings
from p2pbot.config.retention import Retention
from p2pbot.config.schema import AccountEntry, ConfigFile, Limits, Log, Pictures, Takeover, Timings
from p2pbot.config.streams import Futures, Spot
from p2pbot.document import Finding, Loaded, load_document
from p2pbot.errors import ConfigError, OurError, UsageError
from p2pbot.model import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account, complete. Exactly one of ``api_secret`` and ``private_key`` is given. ``rules`` is absolute."""

    name: str
    api_key: SecretSource
    api_secret: SecretSource | None
    private_key: SecretSource | None
    private_key_passphrase: SecretSource | None
    rules: Path
    mode: Mode
    limits: Limits
    recv_window: Duration
    futures: Futures = field(default_factory=Futures)
    spot: Spot = field(default_factory=Spot)
    open_data: OpenDataSettings | None = None
    open_ids: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration. ``file`` is where it was read, ``warnings`` what to show though it is usable."""

    file: Path
    state_dir: Path
    exchange: Exchange
    ca_file: Path | None
    accounts: tuple[AccountSettings, ...]
    mode: Mode
    limits: Limits
    timings: Timings
    takeover: Takeover
    archive: Archive
    retention: Retention
    pictures: Pictures
    log: Log
    notifications: Notifications
    console: Console
    warnings: tuple[str, ...] = ()

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.state_dir / "p2pbot.sqlite3"

    def account(self, name: str) -> AccountSettings:
        """Return the account of this name. Raises UsageError that lists the names."""
        for account in self.accounts:
            if account.name == name:
                return account
        known = ", ".join(account.name for account in self.accounts)
        raise UsageError(f"there is no account `{name}` in {self.file}", remedy=f"the accounts are: {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What paths in the file are relative to, and the state directory if the file names none. All absolute."""

    base: Path
    home: Path
    state_dir: Path

    def path(self, text: str) -> Path:
        """Return the absolute path that ``text`` means."""
        return self.home / text[2:] if text.startswith("~/") else self.base / text


def parse_settings(text: str, file: Path, places: Places) -> Settings:
    """Return the settings that ``text`` says. Raises ConfigError with every finding, each with its place."""
    loaded = load_document(text, str(file), ConfigFile)
    findings = [*loaded.findings, *(_cross_findings(loaded, loaded.value) if loaded.value else ())]
    shown = tuple(finding.render() for finding in sorted(findings, key=lambda finding: finding.position))
    if loaded.value is None or len(findings) > len(loaded.findings):
        raise ConfigError(f"the configuration {file} was not loaded", findings=shown)
    return _settings(loaded.value, file, places, shown)


def _settings(given: ConfigFile, file: Path, places: Places, warnings: tuple[str, ...]) -> Settings:
    return Settings(
        file=file,
        state_dir=places.path(given.state_dir) if given.state_dir else places.state_dir,
        exchange=given.exchange,
        ca_file=places.path(given.exchange.ca_file) if given.exchange.ca_file else None,
        accounts=tuple(_account(entry, given, places) for entry in given.accounts),
        mode=given.mode,
        limits=given.limits,
        timings=given.timings,
        takeover=given.takeover,
        archive=given.archive,
        retention=given.retention.joined(given.archive),
        pictures=given.pictures,
        log=given.log,
        notifications=_notifications(given.notifications, places),
        console=given.console,
        warnings=warnings,
    )


def _account(entry: AccountEntry, given: ConfigFile, places: Places) -> AccountSettings:
    api_key = _source(entry, "api_key", places)
    if api_key is None:
        raise OurError("the schema let an account without an API key pass")
    own = {key: getattr(entry.limits, key) for key in entry.limits.model_fields_set}
    return AccountSettings(
        name=entry.name,
        api_key=api_key,
        api_secret=_source(entry, "api_secret", places),
        private_key=_source(entry, "private_key", places),
        private_key_passphrase=_source(entry, "private_key_passphrase", places),
        rules=places.path(entry.rules),
        mode=entry.mode or given.mode,
        limits=given.limits.model_copy(update=own),
        recv_window=entry.recv_window,
        futures=entry.futures,
        spot=entry.spot,
        open_data=_open_data(entry.open_data, places) if entry.open_data else None,
        open_ids=places.path(entry.open_ids) if entry.open_ids else None,
    )


def _open_data(given: OpenData, places: Places) -> OpenDataSettings:
    access_key, secret_key, private_key, passphrase = (_source(given, secret, places) for secret in SECRETS)
    if access_key is None or secret_key is None or private_key is None:
        raise OurError("the schema let a Mini Program without its keys pass")
    return OpenDataSettings(
        app_id=given.app_id,
        access_key=access_key,
        secret_key=secret_key,
        private_key=private_key,
        private_key_passphrase=passphrase,
    )


def _source(entry: SecretNames, secret: str, places: Places) -> SecretSource | None:
    source = entry.source(secret)
    if source is None or source.kind is not SourceKind.FILE:
        return source
    return SecretSource(source.kind, str(places.path(source.where)), source.key)


def _notifications(given: Notifications, places: Places) -> Notifications:
    """Return the part with the addresses' files as absolute paths."""
    absolute = tuple(
        service.model_copy(update={"secret_file": str(places.path(service.secret_file))})
        if service.secret_file
        else service
        for service in given.services
    )
    return given.model_copy(update={"services": absolute})


def _cross_findings(loaded: Loaded[ConfigFile], given: ConfigFile) -> Iterator[Finding]:
    """Yield what is wrong between the parts: each of them is right for itself."""
    yield from _same_names(loaded, given)
    yield from _same_keys(loaded, given)
    early = "looking into the history too early sends a message twice"
    yield from _not_longer(loaded, given.timings, "settle_after", "echo_timeout", early)
    stale = "else every fact would be too old before it is asked for again"
    yield from _not_longer(loaded, given.timings, "facts_max_age", "order_poll", stale)


def _same_names(loaded: Loaded[ConfigFile], given: ConfigFile) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, entry in enumerate(given.accounts):
        if entry.name in seen:
            where = loaded.position(("accounts", index, "name"))
            yield loaded.finding(where, f"a second account is called `{entry.name}`", "each needs a name of its own")
        seen.add(entry.name)


def _same_keys(loaded: Loaded[ConfigFile], given: ConfigFile) -> Iterator[Finding]:
    users: dict[tuple[SourceKind, str], str] = {}
    for index, entry in enumerate(given.accounts):
        source = entry.source("api_key")
        if source is None:
            continue
        if (place := (source.kind, source.where)) in users:
            where = loaded.position(("accounts", index, source.key))
            hint = "one account serves all orders of its key; the exchange allows one chat for each key"
            message = f"the accounts `{users[place]}` and `{entry.name}` use the same API key"
            yield loaded.finding(where, message, hint)
        users.setdefault(place, entry.name)


def _not_longer(
    loaded: Loaded[ConfigFile], timings: Timings, longer: str, shorter: str, hint: str
) -> Iterator[Finding]:
    if getattr(timings, longer) <= getattr(timings, shorter):
        blamed = longer if longer in timings.model_fields_set else shorter
        message = f"{longer} ({getattr(timings, longer)}) must be longer than {shorter} ({getattr(timings, shorter)})"
        yield loaded.finding(loaded.position(("timings", blamed)), message, hint)
