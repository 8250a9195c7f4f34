"""``p2pbot notify test``: sends a word to each service and says whether it was taken."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

from p2pbot.cli.findings import Checked, Grade, show, worst
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint
from p2pbot.cli.progress import Progress
from p2pbot.config import Notifications
from p2pbot.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from p2pbot.adapters.notify import AppriseService
    from p2pbot.cli.parser import Parser

_ABOUT = "Words to you: on your phone, in your mail. docs/notifications.md shows how services are configured."
_TEST = """\
Sends one word to each service of the configuration, or to SERVICE alone, and says whether the service has taken it.
Works while the daemon runs and while it does not. Look at your phone, too: a service may take a word and lose it."""
_TEST_MORE = """\
examples:
  p2pbot notify test
  p2pbot notify test phone

exit codes: 0 all have taken it, 1 one has not, 2 there is no such service, 78 configuration or addresses"""
_TITLE, _TEXT = "p2pbot: test", "This is a test of p2pbot's notifications. If you read it, they work."


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its command."""
    notify = commands.add_parser("notify", help="do words reach your phone?", description=_ABOUT)
    inner = notify.add_subparsers(title="commands", metavar="COMMAND")
    test = inner.add_parser("test", help="send a word to each service", description=_TEST, epilog=_TEST_MORE)
    test.add_argument("service", metavar="SERVICE", nargs="?", help="this service alone")
    test.set_defaults(handler=_test)


def _test(arguments: argparse.Namespace) -> int:
    from p2pbot.app.notifying import open_services  # noqa: PLC0415 - it loads the daemon

    wanted = _chosen(settings_of(arguments).notifications, arguments.service)
    opened = [door for _, door in open_services(wanted, os.environ)]
    checks = asyncio.run(_tell(opened))
    return 1 if worst(checks) is Grade.FAILED else 0


def _chosen(wanted: Notifications, name: str | None) -> Notifications:
    """Return the configuration with the services that are meant. Raises ConfigError when there is none, UsageError."""
    if not wanted.services:
        remedy = "docs/notifications.md shows how to add one"
        raise ConfigError("no service for notifications is configured", remedy=remedy)
    chosen = tuple(service for service in wanted.services if name in (None, service.name))
    if not chosen:
        names = ", ".join(service.name for service in wanted.services)
        raise UsageError(f"there is no service `{str(name)[:40]}`", remedy=f"the services are: {names}")
    return wanted.model_copy(update={"services": chosen})


async def _tell(services: list[AppriseService]) -> list[Checked]:
    """Tell one after the other, and show each answer as it comes."""
    from p2pbot.conversation.notices import Message  # noqa: PLC0415 - it loads the rules

    checks, paint, clock = [], Paint(), asyncio.get_running_loop().time
    with Progress("telling", len(services)) as progress:
        for done, service in enumerate(services):
            progress.show(done, service.name)
            began_s = clock()
            why = await service.send(Message(title=_TITLE, text=_TEXT))
            progress.wipe()
            took_ms = round((clock() - began_s) * 1000)
            said = why or f"has taken the word, after {took_ms} ms"
            checks.append(Checked(Grade.FAILED if why else Grade.OK, service.name, said))
            show(checks[-1], paint)
    return checks
