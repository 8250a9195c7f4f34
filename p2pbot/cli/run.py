"""``p2pbot run``: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import sys
from contextlib import suppress
from io import UnsupportedOperation
from typing import TYPE_CHECKING

from p2pbot.adapters.dead_man import DeadMansHandle
from p2pbot.adapters.logs import foreign_lines, open_log
from p2pbot.adapters.privacy import keep_memory_private
from p2pbot.adapters.threads import AbandonableThreads
from p2pbot.cli.options import settings_of

if TYPE_CHECKING:
    from p2pbot.app import App
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Answers the order chats of all accounts of the configuration until it is told to stop (Ctrl-C, SIGTERM).
It logs on standard output. In `mode: shadow` it decides and records, and sends nothing."""
_MORE = """\
examples:
  p2pbot run
  p2pbot run --config /etc/p2pbot/config.yaml

exit codes: 0 stopped as told, 1 failure or a full disk (start it again),
78 configuration, keys, rules or state directory"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("run", help="answer the chats: the daemon", description=_ABOUT, epilog=_MORE)
    parser.set_defaults(handler=_run)


def _run(arguments: argparse.Namespace) -> int:
    keep_memory_private()  # before the first secret is read
    settings = settings_of(arguments)
    with suppress(AttributeError, UnsupportedOperation):  # a stream that is no file has no room for it
        faulthandler.enable()  # systemd's watchdog ends a daemon that hangs by SIGABRT: the journal then names the line
    from p2pbot.app import App  # noqa: PLC0415 - a wrong configuration is told before everything is imported

    log = open_log(output=settings.log.format, level=settings.log.level)
    for warning in settings.warnings:
        log.warning("configuration.odd", finding=warning.splitlines()[0])
    handle = DeadMansHandle()
    try:
        with foreign_lines(log):
            feed = None if sys.stdin and sys.stdin.isatty() else handle.alive  # a person may stop it with Ctrl-Z
            return asyncio.run(_alone(App(settings, log=log, signals=True, feed=feed)))
    finally:
        handle.let_go()


async def _alone(app: App) -> int:
    """Run as all that there is in this process: a lookup that hangs must not hold up its end."""
    asyncio.get_running_loop().set_default_executor(AbandonableThreads())
    return await app.run()
