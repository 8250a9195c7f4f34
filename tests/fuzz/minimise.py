"""A find made small: pieces are taken out of an input for as long as the same thing stays wrong.

Source: Zeller's delta debugging, over items first, then over the characters of each text.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.target import Input, Target, kind_of

_MOST_TRIES = 4_000


def minimised(target: Target, given: Input) -> Input:
    """Return a smaller input that breaks ``target`` in the same way as ``given``."""
    wanted, tries = kind_of(target.trouble(given)), 0

    def still_broken(candidate: Input) -> bool:
        nonlocal tries
        tries += 1
        return tries <= _MOST_TRIES and kind_of(target.trouble(candidate)) == wanted

    for at in range(len(given)):
        given = _shorter_text(given, at, still_broken)
    return given


def _shorter_text(given: Input, at: int, still_broken: Callable[[Input], bool]) -> Input:
    size = max(1, len(given[at]) // 2)
    while size:
        start = 0
        while start < len(given[at]):
            text = given[at]
            candidate = (*given[:at], text[:start] + text[start + size :], *given[at + 1 :])
            if still_broken(candidate):
                given = candidate
            else:
                start += size
        size //= 2
    return given
