"""The manual page, made of the parser of the command line: ``python -m p2pbot.cli.manual > docs/p2pbot.1``.

Promise: whatever ``--help`` tells of a command stands here too, on every Python alike (argparse's own layout is not
used: it differs between versions).
Source of the form: groff_man(7).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from p2pbot.cli.parser import Parser, whole_parser

_HEAD = """\
.\\" Made by: make pages
.TH P2PBOT 1
.SH NAME
p2pbot \\- answers the order chat of Binance P2P for merchants, by rules in YAML
.SH SYNOPSIS
.B p2pbot
.I COMMAND
[\\fIoptions\\fR]
.SH DESCRIPTION
"""
_FILES = """\
.SH FILES
.TP
.I config.yaml
the configuration, in this directory or in /etc/p2pbot; $P2PBOT_CONFIG or \\-\\-config names another
.SH ENVIRONMENT
.TP
.B P2PBOT_CONFIG
the configuration
.TP
.B NO_COLOR
no colours
"""
_COMMON = ("--config", "--debug", "--help")


def page() -> str:
    """Return the manual page."""
    top = whole_parser()
    lines = [_HEAD.rstrip("\n"), *_paragraphs(top.description or "")]
    lines += [".SH COMMANDS"]
    for command in _commands(top):
        lines += _command(command)
    lines += [".SH OPTIONS", "These are known to every command.", *_options(_common(top))]
    lines += [_FILES.rstrip("\n"), ".SH EXIT STATUS", *_literal((top.epilog or "").partition("\n\n")[2])]
    return "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield every command that does something, depth first."""
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse offers no other way to walk
    for action in nested:
        for inner in dict.fromkeys(action.choices.values()):
            yield from _commands(inner)
    if not nested:
        yield parser


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [action for action in parser._actions if not _is_common(action)]  # noqa: SLF001 - same
    yield f".SS {_text(parser.prog)}" + "".join(f" {_text(_usage(action))}" for action in actions)
    yield from _paragraphs(parser.description or "")
    yield from _options(actions)
    if parser.epilog:
        yield from _literal(parser.epilog)


def _usage(action: argparse.Action) -> str:
    if not action.option_strings:
        name = _operand(action)
        return f"[{name}]" if action.nargs in ("?", "*") else name
    word = " ".join(filter(None, (action.option_strings[-1], _operand(action))))
    return word if action.required else f"[{word}]"


def _operand(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        name = action.metavar
    elif action.choices:
        name = "|".join(str(getattr(choice, "value", choice)) for choice in action.choices)
    else:
        name = action.dest.upper()
    return f"{name}…" if action.nargs in ("*", "+") else name


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    for action in actions:
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in action.option_strings)
        operand = f"\\fI{_text(_operand(action))}\\fR" if _operand(action) else ""
        yield ".TP"
        yield " ".join(filter(None, (names, operand)))
        yield _text((action.help or "").replace("%%", "%") % {"default": action.default, "prog": "p2pbot"})


def _common(top: Parser) -> list[argparse.Action]:
    any_command = next(_commands(top))
    return [action for action in any_command._actions if _is_common(action)]  # noqa: SLF001 - same


def _is_common(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.option_strings[-1] in _COMMON


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ".PP"
        yield from (_text(line) for line in paragraph.splitlines() if line)


def _literal(text: str) -> Iterator[str]:
    """Yield lines that keep their breaks."""
    yield ".PP"
    yield ".nf"
    yield from (_text(line) for line in text.strip("\n").splitlines())
    yield ".fi"


def _text(line: str) -> str:
    """Return a line of text as roff writes it; a dot or quote at its begin is no request."""
    escaped = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


if __name__ == "__main__":
    print(page(), end="")
