"""``p2pbot completion``: prints what makes a shell complete p2pbot's commands and options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from p2pbot.cli.parser import whole_parser

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

SHELLS = ("bash", "zsh", "fish")
_ABOUT = "Prints a script that makes a shell complete the commands and options of p2pbot."
_MORE = """\
bash:  p2pbot completion bash > ~/.local/share/bash-completion/completions/p2pbot
zsh:   p2pbot completion zsh > ~/.zfunc/_p2pbot      (with fpath+=~/.zfunc before compinit in ~/.zshrc)
fish:  p2pbot completion fish > ~/.config/fish/completions/p2pbot.fish

Then open a new shell."""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("completion", help="shell completion", description=_ABOUT, epilog=_MORE)
    parser.add_argument("shell", choices=SHELLS, help="which shell")
    parser.set_defaults(handler=_completion)


def _completion(arguments: argparse.Namespace) -> int:
    import shtab  # noqa: PLC0415 - nothing else needs it

    print(shtab.complete(whole_parser(), arguments.shell))
    return 0
