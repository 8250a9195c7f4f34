"""Which words reach the operator's phone, when, and how many of them become one message.

Promise: a phone is not flooded and not left in the dark. The same word about the same thing is said once in
``repeat_ms``; no more than ``per_hour`` ordinary messages and as many urgent ones leave in an hour; in quiet hours
ordinary words wait. Whatever waits becomes one message of several lines. While a service is down its words wait, up to
a bound in number and age; those that are given up are counted in the next message.
Danger: when a service answers too late nobody knows whether it told the operator: the words are then said again.
Pure: ``now_ms`` is Unix time and may be set back; chance is an argument.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from enum import StrEnum
from itertools import accumulate

from p2pbot.model import Notice, Topic
from p2pbot.protocol.backoff import AttemptBudget, Backoff, Uniform
from p2pbot.rules.hours import Window
from p2pbot.rules.variables import moment

HOUR_MS = 3_600_000
MOST_WAITING = 100  # words; a person who comes back to more of them reads the log
MOST_REMEMBERED = 1024  # words of the last ``repeat_ms``; beyond it the oldest repeats
OLDEST_MS = 12 * HOUR_MS  # what nobody could be told for half a day is told by the log alone
LINES = 10  # of one message; what is left goes with the next
LONGEST_LINE = 500  # characters
LONGEST_TEXT = 3500  # a Telegram message has 4096; where less fits, Apprise sends two
_LOOK_AGAIN_MS = 60_000  # when quiet hours end is found by looking: a minute is exact enough
_OLD_MS = 60_000  # an older word is told with its time


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a service is given: short lines of plain text, no secret, no bank data. ``words``: how many it tells."""

    title: str
    text: str
    urgent: bool = False
    words: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePolicy:
    """What one service is for. ``quiet``: when ordinary words wait; ``zone``: of the times that are told."""

    about: frozenset[Topic] = frozenset(Topic)
    per_hour: int = 20
    repeat_ms: int = HOUR_MS
    quiet: Window | None = None
    urgent_in_quiet: bool = True
    zone: tzinfo = UTC


class Fate(StrEnum):
    """What became of a word that was handed in."""

    WAITS = "waits"
    REPEATED = "repeated"
    UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True)
class _Word:
    """A notice and how often it was said since ``at_ms``."""

    notice: Notice
    at_ms: int
    times: int = 1


@dataclass(slots=True)
class _Said:
    """When a word was told last, and how often it came since."""

    at_ms: int
    times: int = 0


_Identity = tuple[str, str, str, str]


class NoticeBox:
    """The words that one service has still to tell."""

    def __init__(self, policy: NoticePolicy) -> None:
        self._policy = policy
        self._waiting: OrderedDict[_Identity, _Word] = OrderedDict()
        self._flying: dict[_Identity, _Word] = {}
        self._meanwhile: Counter[_Identity] = Counter()  # repeats of what is under way
        self._said: OrderedDict[_Identity, _Said] = OrderedDict()
        self._spent = {urgent: AttemptBudget(limit=policy.per_hour, window_ms=HOUR_MS) for urgent in (False, True)}
        self._backoff = Backoff(base_s=10.0, cap_s=600.0)
        self._retry_ms = 0
        self._given_up: Counter[Topic] = Counter()
        self._given_up_flying: Counter[Topic] = Counter()
        self.dropped = 0

    def take(self, notice: Notice, now_ms: int) -> Fate:
        """Hand a word in."""
        if notice.topic not in self._policy.about:
            return Fate.UNWANTED
        identity = _identity(notice)
        said = self._said.get(identity)
        if said and identity not in self._waiting and 0 <= now_ms - said.at_ms < self._policy.repeat_ms:
            said.times += 1
            return Fate.REPEATED
        if identity in self._flying:
            self._meanwhile[identity] += 1
            return Fate.REPEATED
        if known := self._waiting.get(identity):
            urgent = notice.urgent or known.notice.urgent
            self._waiting[identity] = _Word(replace(notice, urgent=urgent), known.at_ms, known.times + 1)
            return Fate.REPEATED
        self._waiting[identity] = _Word(notice, now_ms, 1 + (said.times if said else 0))
        self._make_room()
        return Fate.WAITS

    def compose(self, now_ms: int) -> Message | None:
        """Return the message that may leave now, or None. It is under way until ``delivered`` or ``failed``."""
        self._forget_old(now_ms)
        if self._flying or self._held_ms(now_ms):
            return None
        chosen = self._chosen(now_ms)
        self._flying = {_identity(word.notice): word for word in chosen}
        for identity in self._flying:
            del self._waiting[identity]
        return self._message(chosen, now_ms) if chosen else None

    def delivered(self, now_ms: int) -> None:
        """Note that the service has taken the message that was under way."""
        urgent = any(word.notice.urgent for word in self._flying.values())
        self._spent[urgent] = self._spent[urgent].spend(now_ms)
        for identity in self._flying:
            self._said[identity] = _Said(now_ms, self._meanwhile[identity])
            self._said.move_to_end(identity)
        while len(self._said) > MOST_REMEMBERED:
            self._said.popitem(last=False)
        self._backoff, self._retry_ms = replace(self._backoff, failures=0), 0
        self._land()

    def failed(self, now_ms: int, rng: Uniform) -> None:
        """Note that it has not: its words wait again, before all others."""
        delay_s, self._backoff = self._backoff.failed(rng)
        self._retry_ms = now_ms + int(delay_s * 1000)
        self.interrupted()

    def interrupted(self) -> None:
        """Note that the sending was given up, which is not the service's fault: its words wait again."""
        for identity, word in reversed(self._flying.items()):
            self._waiting[identity] = replace(word, times=word.times + self._meanwhile[identity])
            self._waiting.move_to_end(identity, last=False)
        self._given_up += self._given_up_flying
        self._land()
        self._make_room()

    def _land(self) -> None:
        self._flying.clear()
        self._meanwhile.clear()
        self._given_up_flying.clear()

    def wake_ms(self, now_ms: int) -> int | None:
        """Return when to ask for a message again; None: when there is a new word."""
        if self._flying or not self._waiting:
            return None
        return now_ms + (self._held_ms(now_ms) or (0 if self._sayable(now_ms) else _LOOK_AGAIN_MS))

    @property
    def waiting(self) -> int:
        """How many words are not told yet."""
        return len(self._waiting) + len(self._flying)

    def _sayable(self, now_ms: int) -> list[_Word]:
        """Return what quiet hours allow, urgent words first, then the oldest."""
        words = list(self._waiting.values())
        if self._policy.quiet and self._policy.quiet.holds(now_ms):
            words = [word for word in words if word.notice.urgent and self._policy.urgent_in_quiet]
        return sorted(words, key=lambda word: not word.notice.urgent)

    def _chosen(self, now_ms: int) -> list[_Word]:
        """Return what fits into one message; a word is never longer than that."""
        words = self._sayable(now_ms)[:LINES]
        lengths = accumulate(len(self._line(word, now_ms)) for word in words)
        return [word for word, length in zip(words, lengths, strict=True) if length <= LONGEST_TEXT]

    def _held_ms(self, now_ms: int) -> int:
        """Return how long a trouble of the service or a full hour still holds everything back."""
        retry_ms = min(self._retry_ms - now_ms, int(self._backoff.cap_s * 1000))  # a clock that was set back
        words = self._sayable(now_ms)
        urgent = bool(words) and words[0].notice.urgent
        return max(0, retry_ms, self._spent[urgent].wait_ms(now_ms) if words else 0)

    def _make_room(self) -> None:
        """Give up the oldest ordinary words, then the oldest urgent ones, beyond the bound."""
        while len(self._waiting) > MOST_WAITING:
            words = self._waiting.items()
            self._give_up(next((key for key, word in words if not word.notice.urgent), next(iter(self._waiting))))

    def _forget_old(self, now_ms: int) -> None:
        for identity in [key for key, word in self._waiting.items() if now_ms - word.at_ms > OLDEST_MS]:
            self._give_up(identity)

    def _give_up(self, identity: _Identity) -> None:
        word = self._waiting.pop(identity)
        self._given_up[word.notice.topic] += word.times
        self.dropped += word.times

    def _message(self, words: list[_Word], now_ms: int) -> Message:
        self._given_up_flying, self._given_up = self._given_up, Counter()
        lines = [*(self._line(word, now_ms) for word in words), *self._rest()]
        topics = list(dict.fromkeys(word.notice.topic.value.replace("_", " ") for word in words))
        title = f"p2pbot: {topics[0]}" + (f" and {len(words) - 1} more" if len(words) > 1 else "")
        urgent = any(word.notice.urgent for word in words)
        return Message(title=title, text="\n".join(lines), urgent=urgent, words=len(words))

    def _line(self, word: _Word, now_ms: int) -> str:
        notice = word.notice
        old = now_ms - word.at_ms >= _OLD_MS
        places = (f"order {notice.order_no}" if notice.order_no else "", notice.account)
        parts = [
            f"{moment(word.at_ms, self._policy.zone):%H:%M}" if old else "",
            f"[{', '.join(place for place in places if place)}]" if any(places) else "",
            harmless(notice.text),
            f"({word.times} times)" if word.times > 1 else "",
        ]
        return " ".join(part for part in parts if part)

    def _rest(self) -> Iterator[str]:
        """Yield the line about words that were given up."""
        if given_up := self._given_up_flying:
            topics = ", ".join(f"{count} {topic.value.replace('_', ' ')}" for topic, count in given_up.items())
            yield f"Not told, too many or too old: {topics}. They stand in the log."


def harmless(text: str) -> str:
    """Return one bounded line without control characters, that calls nobody (``@everyone`` of a chat program)."""
    visible = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(visible.split()).replace("@everyone", "everyone").replace("@here", "here")
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _identity(notice: Notice) -> _Identity:
    """Return what makes two words the same. The text belongs to it: rules are refused for one mistake, then another."""
    return notice.account, notice.order_no, notice.key, notice.text
