"""Words to the operator. For now they go to the log; other channels join behind the same door.

Promise: ``notify`` returns at once and never raises. The same word is said once per window, however often it comes;
what was held back is counted in the next line. No more than 30 ordinary and 60 urgent words leave in a minute.
Danger: a notice may quote what the exchange sent, so control characters and secrets are removed by the log's last step.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from p2pbot.model import Notice
from p2pbot.ports import Clock, Events

WINDOW_S = 600.0  # a person who reads every ten minutes misses nothing
MAX_REMEMBERED = 1024  # words of the window; with more of them something else is wrong, and the oldest repeats
_MINUTE_S = 60.0
_PER_MINUTE = {False: 30, True: 60}  # ordinary, urgent: more than a person can read
_LONGEST_TEXT = 500


@dataclass(slots=True)
class _Said:
    """A word and when it was said last; ``held`` counts its repeats since then."""

    at_s: float
    held: int = 0


class LogNotifier:
    """``ports.Notifier`` that writes to the log."""

    def __init__(self, events: Events, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._said: OrderedDict[tuple[str, str, str], _Said] = OrderedDict()
        self._recent: dict[bool, deque[float]] = {urgent: deque(maxlen=n) for urgent, n in _PER_MINUTE.items()}
        self._dropped = 0

    async def notify(self, notice: Notice) -> None:
        """Say the notice, or count it: as a repeat of the window, or as one too many of the minute."""
        try:
            self._notify(notice)
        except Exception:  # noqa: BLE001 - a word to the operator must never end the daemon
            self._dropped += 1

    def _notify(self, notice: Notice) -> None:
        now_s, identity = self._clock.monotonic_s(), (notice.account, notice.order_no, notice.key)
        before = self._said.get(identity)
        if before and now_s - before.at_s < WINDOW_S:
            before.held += 1
        elif self._too_many(urgent=notice.urgent, now_s=now_s):
            self._dropped += 1
        else:
            self._remember(identity, now_s)
            self._say(notice, repeats=before.held if before else 0)

    def _too_many(self, *, urgent: bool, now_s: float) -> bool:
        """Whether the minute is full; if not, a place in it is taken."""
        recent = self._recent[urgent]
        if len(recent) == recent.maxlen and now_s - recent[0] < _MINUTE_S:
            return True
        recent.append(now_s)
        return False

    def _remember(self, identity: tuple[str, str, str], now_s: float) -> None:
        self._said[identity] = _Said(now_s)
        self._said.move_to_end(identity)
        while len(self._said) > MAX_REMEMBERED:
            self._said.popitem(last=False)

    def _say(self, notice: Notice, *, repeats: int) -> None:
        values: dict[str, object] = {"key": notice.key, "text": notice.text[:_LONGEST_TEXT]}
        given = {"account": notice.account, "order": notice.order_no, "repeats": repeats, "dropped": self._dropped}
        values |= {name: value for name, value in given.items() if value}
        say = self._events.error if notice.urgent else self._events.warning
        say("operator.notice", **values)
        self._dropped = 0
