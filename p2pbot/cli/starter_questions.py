"""The few questions of ``p2pbot init`` on a terminal; Enter takes what stands in brackets.

Promise: nothing is made before the last answer; an answer that cannot be is told and asked again; what the command line
has said is not asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from p2pbot.cli.output import columns, shown
from p2pbot.cli.starter_choices import (
    NIGHT,
    Choices,
    machine_zone,
    parse_account,
    parse_languages,
    parse_packs,
    parse_zone,
)
from p2pbot.cli.starter_packs import LANGUAGES, Pack
from p2pbot.errors import UsageError

T = TypeVar("T")
Read = Callable[[str], str]
_NONE = "-"
_TRIES = 20  # wrong answers to one question; whoever types more of them is a machine


def ask(
    packs: Sequence[Pack], account: str | None, languages: Sequence[str], chosen: Sequence[str], zone: str, read: Read
) -> Choices:
    """Return the choices; None and empty ones are asked for. Raises UsageError when the answers end."""
    print("Enter takes what stands in brackets; nothing is made before the last answer.\n")
    account = account or _answer("A name for your account", "main", parse_account, read)
    if not languages:
        print("\nThe languages of your customers; the first is for who has not written yet:")
        print(_two_columns([f"{code} {name}" for code, name in LANGUAGES.items()]))
        languages = _answer("Languages", "all", parse_languages, read)
    if not chosen:
        print("\nThe packs of rules:\n" + "\n".join(columns((f"  {pack.name}", pack.about) for pack in packs)))
        chosen = _answer("Packs", "all", lambda text: parse_packs(text, packs), read)
    if NIGHT in chosen and not zone:
        zone = _zone(read)
        chosen = [name for name in chosen if name != NIGHT or zone]
    print()
    return Choices(account, tuple(languages), tuple(chosen), zone)


def _zone(read: Read) -> str:
    """Return the zone of the night hours, or an empty text for none."""
    question = f"\nYour time zone, for {NIGHT} ({_NONE} leaves that pack out)"
    return _answer(
        question, machine_zone(os.environ) or _NONE, lambda text: "" if text == _NONE else parse_zone(text), read
    )


def _answer(question: str, usual: str, parse: Callable[[str], T], read: Read) -> T:
    for _ in range(_TRIES):
        try:
            text = read(f"{question} [{usual}]: ").strip()
        except EOFError:
            break
        try:
            return parse(text or usual)
        except ValueError as error:
            print(f"  {shown(str(error))}")
    print()
    raise UsageError("the answers ended; nothing was made", remedy="p2pbot init --yes asks nothing")


def _two_columns(words: Iterable[str]) -> str:
    listed = list(words)
    half = (len(listed) + 1) // 2
    return "\n".join("  " + "".join(word.ljust(14) for word in listed[at : at + half]).rstrip() for at in (0, half))
