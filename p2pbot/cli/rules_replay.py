"""``p2pbot rules replay``: recorded chats through new rules and old ones; only what changes is shown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.files import read_rules
from p2pbot.cli.output import Paint, print_json, shown
from p2pbot.cli.progress import Progress
from p2pbot.cli.rules_files import add_rules, rule_files, ruleset_of
from p2pbot.cli.rules_show import counted
from p2pbot.conversation.replay import MAX_CHATS, Change, changes, read_chat
from p2pbot.document import Finding, load_document
from p2pbot.errors import ConfigError
from p2pbot.rules.dialogue import DialogueSpec, RuleFile

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Plays recorded chats with the new rules (--rules, or those of the configuration) and with the old ones (--against), and
shows only the replies that change. Nothing is sent."""
_MORE = """\
CHATS is a file of JSON lines, one chat a line, as `p2pbot history ORDER --format jsonl` writes them: the steps of a
dialogue test, in which each wait is the whole time between two lines (docs/testing-rules.md):

  {"order": {"side": "sell", "amount": 900}, "chat": [{"counterparty": "I paid"}, {"wait": "5m"}, {"image": "a.png"}]}

or a YAML file of tests (rules/tests/x.yaml); what it expects is not asked.

example: git worktree add /tmp/old HEAD~1 && p2pbot rules replay chats.jsonl --against /tmp/old/rules

exit codes: 0 nothing changes, 1 something changes, 2 wrong command line, 78 rules or chats that cannot be read"""


_YAML = {".yaml", ".yml"}
_EVERY = 50  # chats between two drawings: a chat takes a fraction of a millisecond, a terminal does not


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("replay", help="what would new rules change?", description=_ABOUT, epilog=_MORE)
    parser.add_argument("chats", metavar="CHATS", type=Path, help="JSON lines, or a YAML file of tests")
    parser.add_argument("--against", metavar="OLD", type=Path, required=True, help="the old rules")
    add_rules(parser)
    parser.add_argument("--json", action="store_true", help="print the changes as JSON")
    parser.set_defaults(handler=_replay)


def _replay(arguments: argparse.Namespace) -> int:
    old = ruleset_of(read_rules(arguments.against))
    new = ruleset_of(rule_files(arguments, arguments.rules))
    chats = list(_chats(arguments.chats))
    recorded = arguments.chats.suffix not in _YAML
    differing = []
    with Progress("replaying", len(chats)) as progress:
        for done, chat in enumerate(chats):
            if done % _EVERY == 0:
                progress.show(done)
            if found := changes(old, new, chat, recorded=recorded):
                differing.append((chat.name, found))
    if arguments.json:
        print_json([{"chat": name, "changes": [_document(change) for change in found]} for name, found in differing])
        return 1 if differing else 0
    paint = Paint()
    for name, found in differing:
        print(paint("bold", shown(name, 120)))
        for change in found:
            _show(change, paint)
    print(f"{counted(len(chats), 'chat')}: {len(differing) or 'none'} with other replies.")
    return 1 if differing else 0


def _chats(path: Path) -> Iterator[DialogueSpec]:
    """Yield the chats of a file. Raises ConfigError."""
    if path.suffix in _YAML:
        for name, text in read_rules(path).items():
            loaded = load_document(text, name, RuleFile)
            if loaded.value is None:
                findings = tuple(finding.render() for finding in loaded.findings)
                raise ConfigError(f"{path}: the tests cannot be read", findings=findings)
            yield from loaded.value.tests
        return
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(islice(file, MAX_CHATS), 1):
                if line.strip():
                    yield _chat(line, path, number)
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: {told or 'cannot be read'}", remedy="check the path") from None


def _chat(line: str, path: Path, number: int) -> DialogueSpec:
    chat = read_chat(line, str(path), number)
    if isinstance(chat, Finding):
        raise ConfigError("the chats cannot be read", findings=(chat.headline,))
    return chat


def _show(change: Change, paint: Paint) -> None:
    print(f"  {paint('dim', shown(change.step, 200))}")
    for text in change.old or ("(silent)",):
        print(paint("red", f"    - {shown(text)}"))
    for text in change.new or ("(silent)",):
        print(paint("green", f"    + {shown(text)}"))


def _document(change: Change) -> dict[str, object]:
    return {"step": change.step, "old": list(change.old), "new": list(change.new)}
