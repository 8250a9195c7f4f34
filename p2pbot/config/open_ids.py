"""The merchant's file of open ids: which orders and nicknames are which customer's.

Promise: pure. Text in, a table or all findings out; a line is added without touching what a person wrote.
Danger: a nickname is chosen by its owner and may be another person's tomorrow. An order's number is not: what is added
by the command is always an order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import Field, model_validator

from p2pbot.config.part import Part
from p2pbot.document import Finding, Loaded, complaint, load_document
from p2pbot.errors import ConfigError, UsageError

MAX_BYTES = 256 * 1024  # about 3000 customers; as much as p2pbot.document reads
_ABOUT = (
    "# Whose orders are whose, for `when: {counterparty: {open_id: …}}`. "
    "Added to by: p2pbot open-data TOKEN --remember ORDER\n"
)


class Customer(Part):
    """One line: an order, or a nickname, and the open id of whose it is."""

    order: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    nickname: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    open_id: Annotated[str, Field(min_length=1, max_length=128)]

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.order is None) == (self.nickname is None):
            raise complaint("a customer is known by `order` or by `nickname`: write one of them")
        return self


class OpenIdFile(Part):
    """The whole file."""

    customers: tuple[Customer, ...] | None = None


@dataclass(frozen=True, slots=True)
class OpenIds:
    """Open ids by order number and by nickname."""

    by_order: Mapping[str, str] = field(default_factory=dict, repr=False)
    by_nickname: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find(self, order_no: str, nickname: str) -> str:
        """Return whose an order is: by its number, else by the counterparty's whole nickname; '' when not known."""
        return self.by_order.get(order_no) or self.by_nickname.get(nickname, "")


def parse_open_ids(text: str, name: str) -> OpenIds | tuple[Finding, ...]:
    """Return the table of a file's text, or what is wrong with it. ``name`` is what findings call the file."""
    if _says_nothing(text):
        return OpenIds()
    loaded = load_document(text, name, OpenIdFile)
    findings = (*loaded.findings, *_contradictions(loaded))
    if loaded.value is None or findings:
        return findings
    customers = loaded.value.customers or ()
    return OpenIds(
        {one.order: one.open_id for one in customers if one.order is not None},
        {one.nickname: one.open_id for one in customers if one.nickname is not None},
    )


def with_order(text: str, name: str, order_no: str, open_id: str) -> str:
    """Return the text with one line more, which says whose an order is; the same text if it says so already.

    Raises ConfigError when the file is wrong or is none that a line can be added to, UsageError when it says that the
    order is another customer's.
    """
    known = checked_open_ids(text, name)
    if said := known.by_order.get(order_no):
        if said == open_id:
            return text
        raise UsageError(f"{name} says that the order is another customer's", remedy="correct or delete that line")
    head = text or _ABOUT
    head += "" if head.endswith("\n") else "\n"
    head += "customers:\n" if _says_nothing(text) else ""
    longer = f"{head}  - {{order: {json.dumps(order_no)}, open_id: {json.dumps(open_id)}}}\n"
    after = parse_open_ids(longer, name)
    if not isinstance(after, OpenIds) or after.by_order.get(order_no) != open_id:
        raise ConfigError(
            f"{name}: no line can be added at its end",
            remedy="let `customers:` come last, each customer in a line that begins with two spaces and a dash; "
            f"at most {MAX_BYTES // 1024} KiB",
        )
    return longer


def _says_nothing(text: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def checked_open_ids(text: str, name: str) -> OpenIds:
    """Return the table of a file's text. Raises ConfigError with all findings."""
    found = parse_open_ids(text, name)
    if isinstance(found, OpenIds):
        return found
    raise ConfigError(f"{name} cannot be used", findings=tuple(finding.render() for finding in found))


def _contradictions(loaded: Loaded[OpenIdFile]) -> Iterator[Finding]:
    """Yield each line that says of an order or nickname what another line says otherwise."""
    seen: dict[tuple[str, str], str] = {}
    for index, one in enumerate((loaded.value and loaded.value.customers) or ()):
        kind, name = ("order", one.order) if one.order is not None else ("nickname", one.nickname or "")
        if seen.setdefault((kind, name), one.open_id) != one.open_id:
            where = loaded.position(("customers", index, kind))
            yield loaded.finding(where, f"this {kind} is another customer's above", "delete one of the lines")
