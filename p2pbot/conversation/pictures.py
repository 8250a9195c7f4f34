"""How pictures come to the exchange: the budget of calls for a place to upload to, and what to do when one fails.

Promise: never more calls than the exchange allows in any window of its own, however slow each call is and however
often the process is killed: a call counts from its beginning until a whole window after its end. Every failure has one
answer: again after a pause, or given up with a word to the operator; nothing is tried for ever.
Source: C2C chat protocol notes, section 1: 36 calls a minute per user; an address lives 300 s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from p2pbot.errors import (
    AnswerMalformed,
    OperatorError,
    P2pbotError,
    RateLimited,
    RequestRefused,
    UploadExpired,
    UploadRefused,
)
from p2pbot.protocol.backoff import Backoff, Uniform

_TOO_LARGE = frozenset({"EntityTooLarge", "MaxMessageLengthExceeded"})
_TOO_LARGE_STATUS = 413
_SLOWLY_MS = 30_000  # what an operator must mend is not mended in seconds
_MOST_REFUSALS = 2  # a place that says no twice, each time with a fresh address, means it


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPolicy:
    """The numbers of uploads, all configurable but the last two.

    ``reuse_ms``: how long an uploaded picture serves other orders too; None: the order that it was uploaded for alone
    (nobody has published how long it lives). ``address_life_ms``: how long an address is used, less than its 300 s;
    ``longest_call_ms``: after that a call has ended, whatever became of it.
    """

    presigns_per_minute: int = 36
    reuse_ms: int | None = None
    attempts: int = 5
    workers: int = 4
    address_life_ms: int = 240_000
    longest_call_ms: int = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignBudget:
    """At most ``limit`` calls in any ``window_ms``; times are those of a clock that neither leaps nor runs backwards.

    The window is a second longer than the exchange's minute: two clocks do not run alike.
    """

    limit: int = 36
    window_ms: int = 61_000
    under_way: int = 0
    ended_at_ms: tuple[int, ...] = ()

    def wait_ms(self, now_ms: int) -> int | None:
        """Return how long until a call may begin: 0 = now, None = only when one that is under way has ended."""
        recent = self._recent(now_ms)
        must_go = len(recent) + self.under_way - self.limit + 1
        if must_go <= 0:
            return 0
        return max(1, recent[must_go - 1] + self.window_ms - now_ms) if must_go <= len(recent) else None

    def begun(self) -> PresignBudget:
        """Return the budget with one more call under way."""
        return replace(self, under_way=self.under_way + 1)

    def ended(self, now_ms: int) -> PresignBudget:
        """Return the budget after a call that was under way has ended, whatever its outcome."""
        ended = sorted((*self._recent(now_ms), now_ms))[-self.limit :]
        return replace(self, under_way=max(0, self.under_way - 1), ended_at_ms=tuple(ended))

    def remembering(self, ages_ms: Iterable[int], now_ms: int, longest_call_ms: int) -> PresignBudget:
        """Return the budget with calls of a former process, which began ``ages_ms`` ago and ended nobody knows when.

        They count as long ones: what was on its way at the process's death may still arrive.
        """
        ended = sorted(now_ms - max(0, age_ms) + longest_call_ms for age_ms in ages_ms)
        known = sorted((*self._recent(now_ms), *(at_ms for at_ms in ended if at_ms > now_ms - self.window_ms)))
        return replace(self, ended_at_ms=tuple(known[-self.limit :]))

    def _recent(self, now_ms: int) -> tuple[int, ...]:
        return tuple(at_ms for at_ms in self.ended_at_ms if at_ms > now_ms - self.window_ms)


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after ``delay_ms``; ``fresh``: with a new address. ``counts``: as one of the attempts."""

    delay_ms: int
    fresh: bool = True
    counts: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The picture cannot be uploaded: drop the reply and tell the operator."""


def after_failure(error: P2pbotError, failures: int, policy: UploadPolicy, rng: Uniform) -> Again | GiveUp:
    """Return what to do after an upload failed for the ``failures``-th time (this one included)."""
    if isinstance(error, RateLimited):
        return Again(round(error.retry_after_s * 1000), counts=False)
    if isinstance(error, RequestRefused) or _is_too_large(error) or failures >= policy.attempts:
        return GiveUp()
    if isinstance(error, UploadExpired):
        return Again(0)
    if isinstance(error, UploadRefused) and failures >= _MOST_REFUSALS:
        return GiveUp()
    if isinstance(error, OperatorError):
        return Again(_SLOWLY_MS)
    delay_s, _ = Backoff(failures=failures - 1, cap_s=20.0).failed(rng)
    return Again(round(delay_s * 1000), fresh=isinstance(error, UploadRefused | AnswerMalformed))


def _is_too_large(error: P2pbotError) -> bool:
    return isinstance(error, UploadRefused) and (error.status == _TOO_LARGE_STATUS or error.code in _TOO_LARGE)
