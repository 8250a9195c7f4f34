"""What a step of the demo's script expects, and whether what arrived is exactly that.

Promise: pure. "Exactly once" is judged by the exchange's own chat, which is what the counterparty sees, and not by what
the daemon says of itself; both must tell the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from p2pbot.cli.demo_stage import OrderView
from p2pbot.conversation.records import InboxEntry, OutboxRow, OutboxState
from p2pbot.model import Path, Reason
from p2pbot.rules.languages import guess_language
from p2pbot.sandbox import Outcome, Received, SeenLine, Speaker


@dataclass(frozen=True, slots=True)
class Reply:
    """One rule answers, once. ``language``: of its text; ``attempts``: writes until it was in the chat.

    ``pictures``: how many of its lines are pictures.
    """

    rule: str
    language: str = ""
    attempts: int = 1
    path: Path | None = None
    pictures: int = 0

    def __str__(self) -> str:
        language = f" in {self.language}" if self.language else ""
        picture = " with a picture" if self.pictures else ""
        return f"{self.rule}{language}{picture}" + (f" at attempt {self.attempts}" if self.attempts > 1 else "")


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is said, for this reason."""

    because: Reason

    def __str__(self) -> str:
        return f"silence: {self.because.value}"


Expected = Reply | Silence


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of a stimulus: the decision, its replies, and the bot's lines that the chat has more than before."""

    entry: InboxEntry | None
    rows: tuple[OutboxRow, ...]
    lines: tuple[SeenLine, ...]

    def __str__(self) -> str:
        if self.entry is None:
            return "nothing was decided in time"
        if self.entry.reason is not Reason.ANSWERED:
            return f"silence: {self.entry.reason.value}" + (f", yet {_times(len(self.lines))}" if self.lines else "")
        rules = ", ".join(dict.fromkeys(row.rule_id for row in self.rows)) or "a rule without words"
        tries = max((row.attempts for row in self.rows), default=0)
        return f"{rules}, {_times(len(self.lines))}" + (f", at attempt {tries}" if tries > 1 else "")


def _times(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def arrival(view: OrderView, key: str, known: frozenset[str]) -> Arrival:
    """Return what came of the stimulus ``key``; ``known`` are the uuids of the bot's lines before it."""
    rows = tuple(row for row in view.outbox if row.stimulus_key == key)
    lines = tuple(line for line in bot_lines(view) if line.uuid not in known)
    return Arrival(view.decided(key), rows, lines)


def bot_lines(view: OrderView) -> tuple[SeenLine, ...]:
    """Return what the counterparty sees of the bot."""
    return tuple(line for line in view.chat if line.by is Speaker.BOT)


def failures(expected: Expected, came: Arrival) -> tuple[str, ...]:
    """Return what is not as expected, each as a phrase; nothing if all is."""
    if came.entry is None:
        return ("nothing was decided in time",)
    if isinstance(expected, Silence):
        return tuple(_broken_silence(expected, came.entry, came))
    return (*_wrong_reply(expected, came.entry, came), *_not_exactly_once(came))


def _broken_silence(expected: Silence, entry: InboxEntry, came: Arrival) -> Iterator[str]:
    if entry.reason is not expected.because:
        yield f"the reason is {entry.reason.value}, not {expected.because.value}"
    if came.rows or came.lines:
        yield f"something was said: {len(came.lines)} lines"


def _wrong_reply(expected: Reply, entry: InboxEntry, came: Arrival) -> Iterator[str]:
    if entry.reason is not Reason.ANSWERED:
        yield f"not answered: {entry.reason.value}"
        return
    if {row.rule_id for row in came.rows} != {expected.rule}:
        yield f"it was {', '.join(sorted({row.rule_id for row in came.rows}))} that answered, not {expected.rule}"
    if max((row.attempts for row in came.rows), default=0) != expected.attempts:
        yield f"{max((row.attempts for row in came.rows), default=0)} attempts, not {expected.attempts}"
    if expected.path not in (None, entry.path):
        yield f"learnt by {entry.path.value}, not by {expected.path.value}"
    pictures = sum(line.kind == "image" for line in came.lines)
    if pictures != expected.pictures:
        yield f"{pictures} pictures, not {expected.pictures}"
    heard = {guess_language(line.text) for line in came.lines} - {None}
    if expected.language and expected.language not in heard:
        yield f"the text is not in {expected.language}"


def _not_exactly_once(came: Arrival) -> Iterator[str]:
    seen = Counter(line.uuid for line in came.lines)
    texts = Counter(line.text for line in came.lines)
    for row in came.rows:
        if row.state is not OutboxState.SENT:
            yield f"a reply ended as {row.state.value}"
        if seen[row.uuid] != 1:
            yield f"a reply arrived {seen[row.uuid]} times"
    if set(seen) - {row.uuid for row in came.rows}:
        yield "the chat has a line of the bot that no decision explains"
    if any(count > 1 for count in texts.values()):
        yield "the same text arrived twice"


def audit(
    views: Sequence[OrderView], explained: Mapping[str, frozenset[str]], received: Sequence[Received]
) -> tuple[str, ...]:
    """Return what is wrong at the end, over all orders.

    ``explained``: the uuids of the lines that the steps expected, by order; ``received``: every frame that the daemon
    wrote.
    """
    found = []
    for view in views:
        seen = Counter(line.uuid for line in bot_lines(view))
        if more := sum((seen - Counter(explained.get(view.number, ()))).values()):
            found.append(f"order …{view.number[-4:]}: {more} lines of the bot that nobody expected")
    if odd := [frame for frame in received if frame.outcome not in (Outcome.DELIVERED, Outcome.SWALLOWED)]:
        found.append(f"{len(odd)} frames that the exchange did not take ({odd[0].outcome.value}: {odd[0].reason})")
    return tuple(found)
