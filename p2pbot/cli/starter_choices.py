"""What a merchant chooses at the start: the account's name, languages, packs, the time zone.

Promise: each answer is read by one function, from the command line and from the terminal alike; what it cannot be is a
ValueError with a sentence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

from p2pbot.cli.starter_packs import LANGUAGES, Pack
from p2pbot.document import did_you_mean

ALL = "all"
NIGHT = "night-hours"  # the pack that needs a time zone
_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")  # as the configuration has it (a test compares them)
_LOCALTIME = "/etc/localtime"
_NOBODYS = ("UTC", "GMT", "UCT", "Universal", "Zulu", "Greenwich")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Choices:
    """What the start is made of. ``languages``: the first for who has not written yet; ``zone``: may be empty."""

    account: str
    languages: tuple[str, ...]
    packs: tuple[str, ...]
    zone: str


def parse_account(text: str) -> str:
    """Return an account's name. Raises ValueError."""
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("write 1 to 32 small letters, digits and inner hyphens, such as shop-2")
    return text


def parse_languages(text: str) -> tuple[str, ...]:
    """Return language codes in the order given; ``all`` stands for those not named. Raises ValueError."""
    return _chosen(text, tuple(LANGUAGES), "a language of the packs")


def parse_packs(text: str, packs: Iterable[Pack]) -> tuple[str, ...]:
    """Return names of packs; ``all`` stands for those not named. Raises ValueError."""
    return _chosen(text, tuple(pack.name for pack in packs), "a pack")


def parse_zone(text: str) -> str:
    """Return the name of a time zone, in its own spelling. Raises ValueError."""
    known = available_timezones()
    spelled = {name.lower(): name for name in known}.get(text.lower())
    if spelled is None:
        hint = did_you_mean(text, known) or "write one such as Europe/Istanbul or Asia/Dubai"
        raise ValueError(f"`{text[:_SHOWN]}` is not a time zone; {hint}")
    return spelled


def usual_packs(packs: Iterable[Pack], zone: str) -> tuple[str, ...]:
    """Return what is made when nobody chooses: all but what needs a word of the merchant."""
    return tuple(pack.name for pack in packs if not pack.extra or (pack.name == NIGHT and zone))


def machine_zone(environ: Mapping[str, str]) -> str:
    """Return the time zone that this machine is set to; empty for UTC, which servers keep and nobody lives by."""
    known = available_timezones()
    told = (environ.get("TZ", "").removeprefix(":"), os.path.realpath(_LOCALTIME).partition("zoneinfo/")[2])
    return next((name for name in told if name in known and not name.endswith(_NOBODYS)), "")


def _chosen(text: str, known: Sequence[str], kind: str) -> tuple[str, ...]:
    chosen: list[str] = []
    for word in text.lower().replace(",", " ").split():
        if word == ALL:
            chosen += known
        elif word in known:
            chosen.append(word)
        else:
            hint = did_you_mean(word, known) or f"there are: {' '.join(known)}"
            raise ValueError(f"`{word[:_SHOWN]}` is not {kind}; {hint}")
    if not chosen:
        raise ValueError(f"name at least one of: {' '.join(known)}")
    return tuple(dict.fromkeys(chosen))
