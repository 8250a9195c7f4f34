"""State machines as tables ``{state: {event: next}}``: a pair not in the table is a typed error, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from p2pbot.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class Machine(Generic[S, E]):
    """A named transition table."""

    def __init__(self, name: str, table: Mapping[S, Mapping[E, S]]) -> None:
        self.name = name
        self.table = table

    def next(self, state: S, event: E) -> S:
        """Return the state after ``event``. Raises IllegalTransition."""
        following = self.table.get(state, {}).get(event)
        if following is None:
            raise IllegalTransition(self.name, state.value, event.value)
        return following

    def allows(self, state: S, event: E) -> bool:
        """Whether the table knows what ``event`` means in ``state``."""
        return event in self.table.get(state, {})

    def diagram(self) -> str:
        """Return the machine as a Mermaid state diagram, for the documents."""
        lines = [
            f"    {state} --> {after}: {event}" for state, row in self.table.items() for event, after in row.items()
        ]
        return "\n".join(["stateDiagram-v2", *lines])
