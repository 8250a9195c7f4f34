"""``p2pbot health``: the health check of a container or a watchdog – one line, one exit code, no network."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from p2pbot.adapters.status_file import NAME
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import shown
from p2pbot.cli.status import Life, life_of, pid_lives, read_status
from p2pbot.conversation.health import Health, health_of

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Says in one line whether the daemon is healthy, for a container's health check. It reads the state directory alone.
Healthy is a daemon that runs and works; whether the exchange can be reached is no matter of its health, for starting
it again would not help. With --ready it must also have every chat open."""
_MORE = "exit codes: 0 healthy, 1 not, 78 configuration"


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("health", help="healthy? for a health check", description=_ABOUT, epilog=_MORE)
    parser.add_argument("--ready", action="store_true", help="every chat must be open too")
    parser.set_defaults(handler=_health)


def _health(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    status = read_status(settings.state_dir / NAME)
    pid = status.get("pid")
    life = life_of(status, time.time_ns() // 1_000_000, lives=pid_lives(pid if isinstance(pid, int) else 0))
    health = health_of(status) if life is Life.RUNNING else Health(live=False, ready=False, reasons=(_WHY[life],))
    good = health.ready if arguments.ready else health.live
    print("healthy" if good else "not healthy: " + shown("; ".join(health.reasons), 1000))
    return 0 if good else 1


_WHY = {
    Life.STUCK: "p2pbot lives, and has told nothing of itself for a while",
    Life.STOPPED: "p2pbot does not run",
    Life.NEVER: "p2pbot has never run with this state directory",
}
