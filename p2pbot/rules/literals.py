"""Which texts a regular expression needs: one of them must be there, or the engine need not be asked.

Promise: conservative. Every text that the pattern can match holds one of ``required_literals`` (in ``plain_form``);
when the reading is not certain the answer is None, "anything may match".
"""

from __future__ import annotations

import re

_LONGEST = 64
TOKEN = re.compile(
    r"\\[pP]\{[^}]*\}|\\[gG]<[^>]*>|\\[NL][{<][^}>]*[}>]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\."
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|\(\?P?<\w+>|\(\?:|\(|\)|\||[*+?]|\{\d*,?\d*\}|.",
    re.DOTALL,
)
_QUANTIFIER = re.compile(r"[*?]|\{0?(?:,\d*)?\}|\{0,\d*\}|\{0\}")
_BETWEEN = frozenset("()|*+?")
_REPEAT = re.compile(r"[*+?]|\{\d*,?\d*\}")
_UNSURE = re.compile(r"\(\?(?!:|P?<\w+>|#)|\[\[|\[[^\]]*(?:--|&&|\|\||~~)|\{[^}]*[a-z<][^}]*\}|\\[QE]|\(\*")


def plain_form(text: str) -> str:
    """Return text as literals are compared: every pair of letters that the engine takes as equal is equal here."""
    return text.casefold().replace("ı", "i").replace("\u0307", "")


def skeleton(pattern: str) -> str:
    """Return the pattern's fixed characters in their order, with one for each blank, digit or letter of any kind."""
    stands_for = {r"\s": " ", r"\d": "1", r"\w": "a", ".": "x"}
    pieces = (found[0] for found in TOKEN.finditer(pattern))
    return "".join(stands_for.get(piece) or _literal(piece) or "" for piece in pieces if piece not in _BETWEEN)


def is_plain(pattern: str) -> bool:
    """Whether the pattern is made of nothing but characters, classes, groups, branches and repeats."""
    return not _UNSURE.search(_without_classes(pattern))


def required_literals(pattern: str) -> frozenset[str] | None:
    """Return texts in ``plain_form`` of which a match must hold one, or None."""
    if not is_plain(pattern):
        return None
    tokens = [found[0] for found in TOKEN.finditer(pattern)]
    found, rest = _alternatives(tokens, 0)
    return found if rest == len(tokens) else None


def _without_classes(pattern: str) -> str:
    """Blank what names a class of characters, whose braces are no fuzzy matching."""
    return re.sub(r"\\[pPN]\{[^}]*\}|\\[gL]<[^>]*>|\\.", "", pattern, flags=re.DOTALL)


def _alternatives(tokens: list[str], at: int) -> tuple[frozenset[str] | None, int]:
    """Read branches up to ``)`` or the end: each must need something, else nothing is needed."""
    needed: set[str] | None = set()
    while True:
        branch, at = _branch(tokens, at)
        needed = None if branch is None or needed is None else needed | branch
        if at >= len(tokens) or tokens[at] == ")":
            return (frozenset(needed) if needed else None), at
        at += 1


def _branch(tokens: list[str], at: int) -> tuple[frozenset[str] | None, int]:
    """Read one branch; of all the texts it needs, return the most telling."""
    runs: list[frozenset[str]] = []
    run = ""
    while at < len(tokens) and tokens[at] not in {"|", ")"}:
        if tokens[at].startswith("(") and not tokens[at].startswith("(?#"):
            inner, at = _alternatives(tokens, at + 1)
            at += 1
            char = None
        else:
            inner, char = None, _literal(tokens[at])
            at += 1
        optional, repeated, at = _quantified(tokens, at)
        if char is not None and not optional:
            run += char
            if not repeated:
                continue
        runs.append(frozenset({plain_form(run)}))
        run = ""
        if inner and not optional:
            runs.append(inner)
    runs.append(frozenset({plain_form(run)}))
    telling = [texts for texts in runs if all(texts)]
    return max(telling, key=lambda texts: min(map(len, texts)), default=None), at


def _quantified(tokens: list[str], at: int) -> tuple[bool, bool, int]:
    """Read the quantifiers behind an item: whether it may be absent, whether it is repeated, and where they end."""
    optional = repeated = False
    first = True
    while at < len(tokens) and _REPEAT.fullmatch(tokens[at]):
        if first:
            optional = _QUANTIFIER.fullmatch(tokens[at]) is not None
        repeated, first = True, False
        at += 1
    return optional, repeated, at


def _literal(item: str) -> str | None:
    """Return the character that a token stands for, or None when it may be several or none."""
    if len(item) == 1:
        return None if item in ".^$" else item
    escaped = item.removeprefix("\\")
    return escaped if len(escaped) == 1 and not escaped.isalnum() else None
