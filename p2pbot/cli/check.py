"""``p2pbot check``: is everything right, before a customer finds out that it is not."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.files import read_rules
from p2pbot.adapters.holder import holder
from p2pbot.adapters.open_ids import load_open_ids
from p2pbot.adapters.pictures import picture_policy, read_pictures
from p2pbot.adapters.secrets_source import AccountKeys, resolve_all, resolve_mini_program
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.tls import client_context
from p2pbot.app.doors import signer_of
from p2pbot.cli.findings import Checked, Grade, failed, show, worst
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint
from p2pbot.config import AccountSettings, Settings
from p2pbot.config.streams import USUAL_EVENTS
from p2pbot.conversation.dialogues import load_tested
from p2pbot.errors import P2pbotError, StateLocked
from p2pbot.protocol.sealed_data import OpenDataKey
from p2pbot.rules.ruleset import RuleSet

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Checks the configuration, the keys, the rules of every account, the certificates and the state directory, and says of
each whether it is right and where to mend it. Nothing on disk is changed, nothing is sent.

With --online it also asks the exchange, for each account: the clocks, what the key may do, the orders, the chat's
credential, and it connects to the chat once. The exchange allows one chat for each account, so a p2pbot (or another
program) that is connected may be thrown out: the daemon comes back by itself after a while. Messages are not read."""
_MORE = """\
exit codes: 0 all is right (warnings included), 1 the exchange refused something or could not be reached,
            78 configuration, keys, rules or state directory"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("check", help="is everything right?", description=_ABOUT, epilog=_MORE)
    parser.add_argument("--online", action="store_true", help="ask the exchange too")
    parser.add_argument("--force", action="store_true", help="with --online: even while the daemon runs")
    parser.set_defaults(handler=_check)


def _check(arguments: argparse.Namespace) -> int:
    settings, paint = settings_of(arguments), Paint()
    if arguments.online and not arguments.force:
        _refuse_beside_a_daemon(settings)
    checks = []
    for found in offline(settings):
        show(found, paint)
        checks.append(found)
    if worst(checks) is Grade.FAILED:
        print("\nSomething has to be mended first." if arguments.online else "\nSomething has to be mended.")
        return 78
    if arguments.online:
        return _online(settings, paint)
    print("\nAll is right, as far as can be seen from here. p2pbot check --online asks the exchange too.")
    return 0


def _online(settings: Settings, paint: Paint) -> int:
    from p2pbot.cli.online import ask_the_exchange  # noqa: PLC0415 - the network's libraries take time to import

    print("\nAsking the exchange. Another program that uses an account's chat may be thrown out of it now.", flush=True)
    checks = asyncio.run(ask_the_exchange(settings, resolve_all(settings.accounts, os.environ), paint))
    good = worst(checks) is not Grade.FAILED
    print("\nAll is right." if good else "\nNot all is right.")
    return 0 if good else 1


def _refuse_beside_a_daemon(settings: Settings) -> None:
    if who := holder(settings.state_dir):
        raise StateLocked(
            f"the daemon runs ({who}); this check would throw its chats out",
            remedy="stop it first, or add --force: it connects again by itself after some minutes",
        )


def offline(settings: Settings) -> Iterator[Checked]:
    """Yield what can be found out without the exchange."""
    names = ", ".join(f"{account.name} ({account.mode.value})" for account in settings.accounts)
    grade = Grade.WARNING if settings.warnings else Grade.OK
    yield Checked(grade, "configuration", f"{settings.file}; accounts: {names}", settings.warnings)
    yield _keys(settings)
    if settings.notifications.services:
        yield _services(settings)
    if settings.ca_file:
        yield _certificates(settings.ca_file)
    yield from _futures_events(settings)
    for account in settings.accounts:
        yield _rules(account, settings)
        yield from _mini_program(account)
    yield _state(settings)


def _keys(settings: Settings) -> Checked:
    try:
        kinds = [f"{name}: {_kind(keys)}" for name, keys in resolve_all(settings.accounts, os.environ).items()]
    except P2pbotError as error:
        return failed("keys", error)
    return Checked(Grade.OK, "keys", ", ".join(kinds))


def _kind(keys: AccountKeys) -> str:
    """Return which kind of key signs. Raises ConfigError for a private key that cannot be read."""
    return signer_of(keys).kind.value


def _services(settings: Settings) -> Checked:
    from p2pbot.app.notifying import open_services  # noqa: PLC0415 - it loads the daemon and Apprise

    try:
        names = ", ".join(service.name for service, _ in open_services(settings.notifications, os.environ))
    except P2pbotError as error:
        return failed("notifications", error)
    return Checked(Grade.OK, "notifications", f"{names}; p2pbot notify test sends a word")


def _certificates(ca_file: Path) -> Checked:
    try:
        client_context(ca_file)
    except P2pbotError as error:
        return failed("certificates", error)
    return Checked(Grade.OK, "certificates", f"{ca_file}; no other authority is trusted")


def _futures_events(settings: Settings) -> Iterator[Checked]:
    """Yield what is odd about the events that futures streams are asked for: a wrong name is silence there."""
    asked, usual = settings.exchange.futures_events, USUAL_EVENTS
    if not any(account.futures.enabled for account in settings.accounts) or set(asked) == set(usual):
        return
    odd = [f"{name} is no event that p2pbot knows" for name in asked if name not in usual]
    missing = [f"{name} is missing: p2pbot will never hear of it" for name in usual if name not in asked]
    said = "the exchange sends what `futures_events` names, and does not say when a name is wrong"
    yield Checked(Grade.WARNING, "futures events", said, (*odd, *missing))


def _rules(account: AccountSettings, settings: Settings) -> Checked:
    about = f"rules of {account.name}"
    try:
        files = read_rules(account.rules)
        loaded = load_tested(files, read_pictures(files, picture_policy(settings.pictures)).known)
    except P2pbotError as error:
        return failed(about, error)
    findings = tuple(finding.render() for finding in loaded.findings)
    if loaded.ruleset is None:
        return Checked(Grade.FAILED, about, f"{account.rules} has errors", findings)
    count = len(loaded.ruleset.rules)
    findings += _not_read(loaded.ruleset.asks_of_account, account) + _nobody_known(loaded.ruleset, account)
    return Checked(
        Grade.WARNING if findings else Grade.OK,
        about,
        f"{account.rules}: {count} {'rule' if count == 1 else 'rules'}",
        findings,
    )


def _not_read(asked: frozenset[str], account: AccountSettings) -> tuple[str, ...]:
    """Return what rules ask of the merchant's own account that the configuration does not let them read."""
    futures, spot = account.futures.enabled, account.spot.user_data != "none"
    read = {"balance": futures or spot, "futures": futures, "spot": spot}
    hint = "such rules are silent; docs/facts.md says how to switch it on"
    unread = (group for group in sorted(asked) if not read[group])
    return tuple(f"rules ask for `{group}`, which {account.name} does not read: {hint}" for group in unread)


def _nobody_known(rules: RuleSet, account: AccountSettings) -> tuple[str, ...]:
    """Return the warning that rules ask who a customer is where no file says it."""
    asked = any(check.name == "when.counterparty.open_id" for rule in rules.rules for check in rule.checks)
    if not asked or account.open_ids:
        return ()
    hint = "such rules are silent; docs/open-data.md tells of open_ids"
    return (f"rules ask for `counterparty.open_id`, and {account.name} has no file that says it: {hint}",)


def _mini_program(account: AccountSettings) -> Iterator[Checked]:
    """Yield what there is of an account's Mini Program and of its file of open ids."""
    if account.open_data:
        try:
            keys = resolve_mini_program(account, os.environ)
            OpenDataKey(keys.private_key, keys.passphrase)
            yield Checked(
                Grade.OK, f"open data of {account.name}", f"app {account.open_data.app_id}; its keys are there"
            )
        except P2pbotError as error:
            yield failed(f"open data of {account.name}", error)
    if account.open_ids:
        try:
            known = load_open_ids(account.open_ids)
            count = len(known.by_order) + len(known.by_nickname)
            told = f"{account.open_ids}: {count} {'line' if count == 1 else 'lines'}"
            yield Checked(Grade.OK, f"open ids of {account.name}", told)
        except P2pbotError as error:
            yield failed(f"open ids of {account.name}", error)


def _state(settings: Settings) -> Checked:
    """Look at the state directory; one that does not exist yet must be possible to make."""
    directory = settings.state_dir
    nearest = next(place for place in (directory, *directory.parents) if place.exists() or place == place.parent)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Checked(Grade.FAILED, "state directory", f"{directory} cannot be written by this user – mend {nearest}")
    if not settings.database.exists():
        return Checked(Grade.OK, "state directory", f"{directory}; p2pbot run will begin it")
    try:
        asyncio.run(_open_once(settings.database))
    except P2pbotError as error:
        return failed("state directory", error)
    who = holder(directory)
    return Checked(Grade.OK, "state directory", f"{directory}" + (f"; the daemon runs ({who})" if who else ""))


async def _open_once(database: Path) -> None:
    store = await SqliteStore.open_readonly(database)
    try:
        await store.paused()
    finally:
        await store.close()
