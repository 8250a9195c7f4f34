"""Which words reach the operator, when, and how many become one message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a service is given: short lines of plain text, no secret, no bank data."""

    title: str
    text: str
    urgent: bool = False
