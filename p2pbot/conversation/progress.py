"""Progress as a pure ledger: when each loop said that it would be back, and which did not keep its word.

Promise: a loop is late only by its own word, never because the exchange is away: whoever waits for the outside world
says first how long that can take at most. While the whole process stands still nobody can keep a word, so that time
counts for nobody (``stood_still``).
Danger: a loop that rests (it waits for another loop of ours, which has its own word to keep) is never late; rest only
where no work can be forgotten.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

WORK_S = 120.0  # from one word to the next, waiting apart: a slow disk must not look like a hang
MAX_LATE_S = 10.0  # an event loop that wakes us later than this answers nobody in time


@dataclass(frozen=True, slots=True)
class Word:
    """What a loop said at ``said_s``: it will be back by ``due_s``; None: it rests. All in monotonic seconds."""

    loop: str
    said_s: float
    due_s: float | None


class Promises(Generic[K]):
    """The last word of each loop that runs. The keys are the caller's: one for each running loop."""

    def __init__(self) -> None:
        self._words: dict[K, Word] = {}

    def promise(self, key: K, loop: str, now_s: float, after_s: float = 0.0) -> None:
        """Note that ``loop`` will be back ``WORK_S`` after a wait of at most ``after_s``."""
        self._words[key] = Word(loop, now_s, now_s + max(after_s, 0.0) + WORK_S)

    def rest(self, key: K, loop: str, now_s: float) -> None:
        """Note that ``loop`` has nothing to do until another loop wakes it."""
        self._words[key] = Word(loop, now_s, None)

    def end(self, key: K) -> None:
        """Forget a loop that has ended."""
        self._words.pop(key, None)

    def stood_still(self, lasted_s: float) -> None:
        """Give every loop the time for which the whole process stood still."""
        for key, word in self._words.items():
            if word.due_s is not None:
                self._words[key] = replace(word, due_s=word.due_s + lasted_s)

    def broken(self, now_s: float) -> dict[K, Word]:
        """Return the words that are not kept, the oldest first."""
        late = ((key, word) for key, word in self._words.items() if word.due_s is not None and word.due_s < now_s)
        return dict(sorted(late, key=lambda item: item[1].said_s))

    def loops(self) -> tuple[str, ...]:
        """Return the names of the loops that have given a word, in no order."""
        return tuple(word.loop for word in self._words.values())
