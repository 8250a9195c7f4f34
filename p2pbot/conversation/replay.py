"""Recorded chats, played with one set of rules and with another: what would be said differently.

Promise: pure; both sets meet the same steps at the same times, and what the record expects is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from p2pbot.conversation.rehearsal import Rehearsal, Spoken
from p2pbot.document import Finding, Position, load_document
from p2pbot.rules.dialogue import DialogueSpec, StepSpec
from p2pbot.rules.ruleset import RuleSet

MAX_CHATS = 100_000  # of one file; each is a fraction of a millisecond
_MOST_REPLIES = 1000  # that may be on their way at once; the daemon's own caps allow far fewer
_LONGEST_LINE = 200_000  # characters of one chat


@dataclass(frozen=True, slots=True)
class Change:
    """One step that is answered differently. ``old`` and ``new`` are what each set says, a text for each bubble."""

    step: str
    old: tuple[str, ...]
    new: tuple[str, ...]


def changes(old: RuleSet, new: RuleSet, chat: DialogueSpec, *, recorded: bool = False) -> tuple[Change, ...]:
    """Return the steps of a chat that the sets answer differently.

    ``recorded``: each ``wait`` is the whole time between two lines of a real chat, the typing of people included.
    """
    pairs = zip(_answers(old, chat, recorded=recorded), _answers(new, chat, recorded=recorded), strict=True)
    return tuple(Change(step, before, after) for (step, before), (_, after) in pairs if before != after)


def read_chat(line: str, file: str, number: int) -> DialogueSpec | Finding:
    """Read one line of a file of chats: a JSON object with ``chat`` and, if wanted, ``name``, ``order``, ``clock``."""
    place = Position(file, number, 1)
    if len(line) > _LONGEST_LINE:
        return Finding(place, f"more than {_LONGEST_LINE} characters; this is no chat")
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return Finding(place, "this line is not JSON", 'one chat a line: {"order": {…}, "chat": [{"counterparty": …}]}')
    if isinstance(data, dict):
        data.setdefault("name", f"{file}:{number}")
    loaded = load_document(json.dumps(data, ensure_ascii=False), file, DialogueSpec)
    if loaded.value is None:
        found = loaded.findings[0]
        return Finding(place, found.message, found.hint, found.code)
    return loaded.value


def _answers(ruleset: RuleSet, chat: DialogueSpec, *, recorded: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each step with what was written in answer to it, whenever it came."""
    rehearsal = Rehearsal(ruleset, chat.order, chat.clock, people_type=not recorded)
    steps: list[tuple[str, int]] = []
    for step in chat.chat:
        if step.key in {"bot", "none"}:
            _hear(rehearsal, steps, 0 if recorded else 1)
        else:
            steps.append((_do(rehearsal, step), len(rehearsal.turns)))
    _hear(rehearsal, steps, _MOST_REPLIES)
    began = 0
    for done, ended in steps:
        turns = rehearsal.turns[began:ended]
        yield done, tuple(_texts(one for turn in turns for one in turn.spoken if one.dropped is None))
        began = ended


def _hear(rehearsal: Rehearsal, steps: list[tuple[str, int]], replies: int) -> None:
    """Wait for so many replies that are on their way: they belong to the last step. A record has times of its own."""
    for _ in range(replies):
        if rehearsal.next_spoken() is None:
            break
    if steps:
        steps[-1] = (steps[-1][0], len(rehearsal.turns))


def _do(rehearsal: Rehearsal, step: StepSpec) -> str:
    """Do a step, and return it in words."""
    if step.key == "counterparty":
        rehearsal.says(step.counterparty or "")
        return f"counterparty: {step.counterparty}"
    if step.key == "operator":
        rehearsal.operator(step.operator or "")
        return f"operator: {step.operator}"
    if step.key == "image":
        rehearsal.shows(step.image or "")
    elif step.wait is not None:
        rehearsal.wait(step.wait)
        return f"wait: {step.wait // 1000}s"
    elif step.order is not None:
        rehearsal.change(step.order)
    elif step.event is not None:
        rehearsal.happens(step.event)
        return f"event: {step.event}"
    return step.key


def _texts(spoken: Iterable[Spoken]) -> Iterator[str]:
    for one in spoken:
        mark = " (shadow)" if one.shadow else ""
        yield from (f"{text}{mark}" for text in one.bubbles)
        yield from (f"notify: {text}{mark}" for text in one.notify)
        if one.handover:
            yield f"handover{mark}"
