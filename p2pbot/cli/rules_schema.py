"""``p2pbot rules schema``: the JSON Schema of rule files, for editors."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from p2pbot.rules.schema import rule_schema

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Prints the JSON Schema of rule files. An editor with a YAML language server completes keys and underlines mistakes by
it, when the first line of a rule file names it:

  # yaml-language-server: $schema=../rules.schema.json"""
_MORE = """\
example: p2pbot rules schema > rules.schema.json

exit codes: 0 done, 2 wrong command line"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("schema", help="JSON Schema for editors", description=_ABOUT, epilog=_MORE)
    parser.set_defaults(handler=_schema)


def schema_text() -> str:
    """Return the schema as the file ``rules.schema.json`` holds it."""
    return json.dumps(rule_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _schema(_: argparse.Namespace) -> int:
    sys.stdout.write(schema_text())
    return 0
