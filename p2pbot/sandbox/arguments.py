"""An action's arguments, and an action as a value: what the tables of control and scripts are made of.

Promise: an unknown name, key or value is a ``ValueError`` with a sentence; then nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from p2pbot.sandbox.world import World

Json: TypeAlias = Any
_LARGEST = Decimal(10) ** 18  # beyond it a Decimal loses the eighth place


class Arguments:
    """An action's JSON arguments."""

    def __init__(self, data: Mapping[str, Json], known: tuple[str, ...]) -> None:
        unknown = [key for key in data if key not in known]
        if unknown and known:
            raise ValueError(f"unknown argument {unknown[0]!r}; known: {', '.join(known)}")
        self.data = data

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text argument. Raises ValueError."""
        value = self.data.get(name, default)
        if not isinstance(value, str):
            raise ValueError(f"the argument {name!r} is a text")  # noqa: TRY004 – a wrong value of the input
        return value

    def number(self, name: str) -> int:
        """Return a whole number, given as number or text. Raises ValueError."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError(f"the argument {name!r} is a whole number")  # noqa: TRY004 – a wrong value of the input
        return int(value)

    def decimal(self, name: str, default: Decimal | None = None) -> Decimal:
        """Return a decimal number, given as text or as a whole number. Raises ValueError."""
        value = self.data.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
            raise ValueError(f"the argument {name!r} is a decimal number, as a text")  # noqa: TRY004 – a wrong value
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise ValueError(f"the argument {name!r} is a decimal number, not {value!r}") from None
        if not number.is_finite() or abs(number) >= _LARGEST:
            raise ValueError(f"the argument {name!r} is a number below {_LARGEST}")
        return number

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value. Raises ValueError."""
        value = self.data.get(name, default)
        if not isinstance(value, bool):
            raise ValueError(f"the argument {name!r} is true or false")  # noqa: TRY004 – a wrong value of the input
        return value


Deed: TypeAlias = Callable[[World, Arguments, int], Json]


@dataclass(frozen=True, slots=True)
class Action:
    """One deed: its meaning and the names of its arguments (none = it checks them itself)."""

    name: str
    meaning: str
    arguments: tuple[str, ...]
    deed: Deed

    def perform(self, world: World, data: Mapping[str, Json], now_ms: int) -> Json:
        """Do it and return its JSON result."""
        return self.deed(world, Arguments(data, self.arguments), now_ms)
