"""``p2pbot reload``: the running daemon reads its rules again and says what is wrong with them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from p2pbot.cli.daemon_line import told
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import shown
from p2pbot.conversation.control import Ask, Request

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Has the running daemon read the rules of every account again, at once; it does so by itself some seconds after a file
has changed. A set with errors changes nothing, and its first findings are shown (p2pbot rules check shows all).
The configuration itself is read at a start alone."""
_MORE = "exit codes: 0 all are loaded, 1 one was refused, 78 configuration, or no daemon runs"


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reload", help="have the daemon read its rules again", description=_ABOUT, epilog=_MORE
    )
    parser.set_defaults(handler=_reload)


def _reload(arguments: argparse.Namespace) -> int:
    findings: dict[str, list[str]] = told(settings_of(arguments), Request(ask=Ask.RELOAD))["findings"]
    for name, lines in sorted(findings.items()):
        print(f"account {shown(name, 32)}: {'NOT loaded; the rules before run on' if lines else 'loaded'}")
        for line in lines:
            print(f"  {shown(line, 300)}")
    return 1 if any(findings.values()) else 0
