"""Orders, messages and events to ask rules about, with the parts that a test does not name filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p2pbot.model import (
    ChatMessage,
    Counterparty,
    EventKind,
    FiringCount,
    MessageKind,
    Order,
    OrderStatus,
    Path,
    Side,
    Stimulus,
)
from p2pbot.rules.facts import Facts
from p2pbot.rules.ruleset import RuleSet, load_rules
from p2pbot.rules.verdict import Verdict

NOW_MS = 1_767_596_400_000  # 2026-01-05 07:00 UTC
NUMBER = "20476365073825144832"


class Middle:
    """Chance without chance."""

    def uniform(self, low: float, high: float) -> float:
        """Return the middle."""
        return (low + high) / 2


def an_order(**known: Any) -> Order:
    """Return an unpaid sale of 900 USDT, with what the test says."""
    usual: dict[str, Any] = {
        "number": NUMBER,
        "account": "main",
        "status": OrderStatus.UNPAID,
        "side": Side.SELL,
        "asset": "USDT",
        "fiat": "EUR",
        "amount": Decimal(900),
        "total": Decimal("828.50"),
        "price": Decimal("0.92"),
        "counterparty": Counterparty(nickname="buyer7", real_name="IVAN PETROV"),
    }
    return Order(**(usual | known))


def some_facts(order: Order | None = None, **known: Any) -> Facts:
    """Return facts about an order at NOW_MS."""
    usual: dict[str, Any] = {"order": order or an_order(), "now_ms": NOW_MS, "account": "main"}
    return Facts(**(usual | known))


def said(text: str) -> Stimulus:
    """Return a message of the counterparty."""
    message = ChatMessage(
        order_no=NUMBER, kind=MessageKind.TEXT, path=Path.SOCKET, message_id="1", text=text, from_us=False
    )
    return Stimulus(kind=EventKind.MESSAGE, order_no=NUMBER, key="m:1", at_ms=NOW_MS, message=message)


def happened(event: EventKind) -> Stimulus:
    """Return an order event."""
    return Stimulus(kind=event, order_no=NUMBER, key=f"e:{event.value}", at_ms=NOW_MS)


@dataclass(frozen=True)
class Rules:
    """A rule set from YAML that must load."""

    ruleset: RuleSet

    def ask(
        self,
        what: str | EventKind,
        facts: Facts | None = None,
        firings: Sequence[FiringCount] = (),
        **options: Any,
    ) -> Verdict:
        """Ask about a message's text or an event."""
        stimulus = happened(what) if isinstance(what, EventKind) else said(what)
        known = facts or some_facts()
        return self.ruleset.evaluate(stimulus, known, firings, known.now_ms, Middle(), "person", **options)

    def winners(self, what: str | EventKind, facts: Facts | None = None, **options: Any) -> list[str]:
        """Return the ids of the rules that speak."""
        return [firing.rule_id for firing in self.ask(what, facts, **options).firings]


def rules(*texts: str) -> Rules:
    """Load YAML texts as files a.yaml, b.yaml …; a text may leave out version and ``rules:``."""
    files = {f"{'abcdefgh'[at]}.yaml": _whole(text) for at, text in enumerate(texts)}
    loaded = load_rules(files)
    assert loaded.ruleset is not None, "\n".join(finding.render() for finding in loaded.findings)
    return Rules(loaded.ruleset)


def headlines(*texts: str) -> list[str]:
    """Return what is wrong with YAML texts, one line for each finding."""
    files = {f"{'abcdefgh'[at]}.yaml": _whole(text) for at, text in enumerate(texts)}
    return [finding.headline for finding in load_rules(files).findings]


def _whole(text: str) -> str:
    return text if text.lstrip().startswith("version") else f"version: 1\nrules:\n{text}"
