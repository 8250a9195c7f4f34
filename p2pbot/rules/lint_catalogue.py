"""Every lint: its code, what it means, rules that have it and the same rules without. docs/lints.md is made of this.

Promise: a test loads each ``bad`` and finds the code, and each ``good`` and does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_SALE = "when: {side: sell, order_status: unpaid}"


@dataclass(frozen=True, slots=True)
class Lint:
    """One lint. ``bad`` and ``good`` are what stands under ``rules:``, or a whole file when they say ``version``."""

    code: str
    title: str
    meaning: str
    bad: str
    good: str
    fatal: bool = False


def _rule(*lines: str) -> str:
    return "".join(f"  {'- ' if at == 0 else '  '}{line}\n" for at, line in enumerate(lines))


LINTS = (
    Lint(
        "P001",
        "unknown key, value or name",
        "A key, a value, a list, a snippet or a rule that does not exist; nothing is ignored in silence.",
        _rule("id: a", "word: paid", "reply: Thanks"),
        _rule("id: a", "words: paid", "reply: Thanks"),
        fatal=True,
    ),
    Lint(
        "P002",
        "duplicate key",
        "The same key twice in one place: YAML would keep the last one and drop the other without a word.",
        _rule("id: a", "words: paid", "words: sent", "reply: Thanks"),
        _rule("id: a", "words: [paid, sent]", "reply: Thanks"),
        fatal=True,
    ),
    Lint(
        "P003",
        "duplicate id or name",
        "Limits, statistics and traces are kept by the id, so each rule needs its own.",
        _rule("id: a", "words: paid", "reply: Thanks") + _rule("id: a", "words: hello", "reply: Hello"),
        _rule("id: a", "words: paid", "reply: Thanks") + _rule("id: b", "words: hello", "reply: Hello"),
        fatal=True,
    ),
    Lint(
        "P010",
        "shadowed",
        "Each rule's own words and examples are put to all rules; another one, asked earlier, takes this text. Of rules"
        " on the same event without words, the later one is never reached.",
        _rule("id: a", "words: pay", "reply: One") + _rule("id: b", "words: [how to pay, bank]", "reply: Two"),
        _rule("id: a", "words: pay", "priority: -1", "reply: One")
        + _rule("id: b", "words: [how to pay, bank]", "reply: Two"),
    ),
    Lint(
        "P011",
        "a word that can never match",
        "After folding (case, accents, punctuation) nothing is left of the word, or a wildcard stands inside it.",
        _rule("id: a", 'words: ["!!!"]', "reply: Thanks"),
        _rule("id: a", "words: [paid]", "reply: Thanks"),
        fatal=True,
    ),
    Lint(
        "P012",
        "a slow pattern",
        "The pattern is tried on texts made to be hard for it. An error below 1000 characters, a warning above.",
        _rule("id: a", r"regex: '(?:\w+\s?)+:'", "reply: Thanks"),
        _rule("id: a", r"regex: 'paid \d+'", "reply: Thanks"),
        fatal=True,
    ),
    Lint(
        "P013",
        "a pattern without fixed letters",
        "It is tried on every message. One with some fixed letters is tried only on messages that hold them.",
        _rule("id: a", r"regex: '\d{4}'", "reply: Thanks"),
        _rule("id: a", r"regex: 'code \d{4}'", "reply: Thanks"),
    ),
    Lint(
        "P014",
        "a list without brackets",
        "Neither commas nor the signs of a pattern part words: `paid, sent` and `(paid|sent)` are one phrase each, and"
        " a message must hold all of it in a row.",
        _rule("id: a", "words: paid, sent", "reply: Thanks"),
        _rule("id: a", "words: [paid, sent]", "reply: Thanks"),
    ),
    Lint(
        "P020",
        "a text that YAML cuts",
        "Blank and # begin a comment, so the text ends there. Put it in quotes.",
        _rule("id: a", "words: paid", "reply: Thanks for order #5"),
        _rule("id: a", "words: paid", 'reply: "Thanks for order #5"'),
    ),
    Lint(
        "P021",
        "unknown variable or filter",
        "A text names something that does not exist, or that must not be said to the operator.",
        _rule("id: a", "words: paid", 'reply: "Thanks {{ order.numbr }}"'),
        _rule("id: a", "words: paid", 'reply: "Thanks {{ order.number }}"'),
        fatal=True,
    ),
    Lint(
        "P022",
        "a variable that the event has not",
        "An order event has no message, so nothing of a message can be said.",
        _rule("id: a", "on: order_paid", 'reply: "You wrote {{ message.text }}"'),
        _rule("id: a", "words: paid", 'reply: "You wrote {{ message.text }}"'),
        fatal=True,
    ),
    Lint(
        "P023",
        "too long for the chat",
        "The chat takes 1000 characters; a longer text is sent in parts. An error when it is too long in any case.",
        _rule("id: a", "words: paid", f"reply: {'very ' * 200}long"),
        _rule("id: a", "words: paid", "reply: [short, short too]"),
        fatal=True,
    ),
    Lint(
        "P024",
        "languages that differ",
        "One language's text uses a variable that another's does not, or a part of the reply lacks a language.",
        _rule("id: a", "words: paid", 'reply: {en: "Thanks {{ order.number }}", ru: Спасибо}'),
        _rule("id: a", "words: paid", "reply: {en: Thanks, ru: Спасибо}"),
    ),
    Lint(
        "P025",
        "a picture that cannot be sent",
        "It is missing, outside the rules' directory, broken, animated, too large, or no JPEG or PNG by its bytes.",
        _rule("id: a", "words: qr", "reply: {image: images/missing.png}"),
        _rule("id: a", "words: qr", "reply: Here is how to pay."),
        fatal=True,
    ),
    Lint(
        "P026",
        "a name that is not filled in",
        "A value is filled in between two braces: {{ order.number }}. Between single ones, after a $ or between two %"
        " the counterparty reads the name itself.",
        _rule("id: a", "words: paid", 'reply: "Thanks { order.number }"'),
        _rule("id: a", "words: paid", 'reply: "Thanks {{ order.number }}"'),
    ),
    Lint(
        "P027",
        "curly quotes",
        "A telephone writes “ and ” for the straight quotes that YAML knows; so they are said to the counterparty.",
        _rule("id: a", "words: paid", "reply: “Thanks”"),
        _rule("id: a", "words: paid", 'reply: "Thanks"'),
    ),
    Lint(
        "P030",
        "no real limit",
        "The rule's limit lets it answer every message of an order. People call that spam, and so does the market.",
        _rule("id: a", "words: paid", "limit: {every: 1s}", "reply: Thanks"),
        _rule("id: a", "words: paid", "limit: {every: 2m}", "reply: Thanks"),
    ),
    Lint(
        "P031",
        "a reply that calls a rule",
        "The text holds words that one of your rules answers, without a small limit: a machine that repeats your texts"
        " would keep it talking.",
        _rule("id: a", "words: paid", "limit: {every: 1m}", "reply: You paid?"),
        _rule("id: a", "words: paid", "limit: [{every: 1m}, {at_most: 3, per: order}]", "reply: You paid?"),
    ),
    Lint(
        "P032",
        "a promise in any state",
        "The text promises a release or confirms a payment, and the rule does not say in which state of the order.",
        _rule("id: a", "words: paid", "reply: We have received your payment."),
        _rule("id: a", "words: paid", _SALE, "reply: Please press the button."),
    ),
    Lint(
        "P033",
        "bank data outside an unpaid sale",
        "Payment details are for orders that you sell and that are not paid yet, and for nobody else.",
        _rule("id: a", "words: how to pay", 'reply: "{{ payment.account }}"'),
        _rule("id: a", "words: how to pay", _SALE, 'reply: "{{ payment.account }}"'),
        fatal=True,
    ),
    Lint(
        "P034",
        "a phone number, a handle or a link",
        "The market rejects messages that lead out of its chat, and may punish the account.",
        _rule("id: a", "words: paid", "reply: Write to me on Telegram"),
        _rule("id: a", "words: paid", "reply: Write to me here"),
    ),
    Lint(
        "P040",
        "nobody uses it",
        "A list, a snippet or a window that no rule names.",
        "version: 1\nlists: {banks: [one, two]}\nrules:\n  - {id: a, words: paid, reply: Thanks}\n",
        "version: 1\nlists: {banks: [one, two]}\nrules:\n  - {id: a, words: {list: banks}, reply: Thanks}\n",
    ),
    Lint(
        "P041",
        "a condition that can never hold",
        "The rule can never speak: its event and its state exclude each other, or a number is impossible.",
        _rule("id: a", "on: order_paid", "when: {order_status: unpaid}", "reply: Thanks"),
        _rule("id: a", "on: order_paid", "when: {order_status: paid}", "reply: Thanks"),
    ),
)
_HEAD = """\
# Lints

`p2pbot rules check` finds these. An **error** keeps the rules from loading; a **warning** does not, unless you ask with
`--strict`. A warning is waived by a comment on its line, or alone on the line above: `# p2pbot: ignore P034`.

This page is made by `python -m p2pbot.rules.lint_catalogue`; a test keeps it so, and tries every example.
"""


def as_file(rules: str) -> str:
    """Return a whole rule file."""
    return rules if rules.startswith("version") else f"version: 1\nrules:\n{rules}"


def page() -> str:
    """Return docs/lints.md."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for lint in LINTS:
        yield f"## {lint.code} {lint.title}\n\n{'Error' if lint.fatal else 'Warning'}. {lint.meaning}\n"
        yield f"```yaml\n{_shortened(lint.bad)}```\n\nBetter:\n\n```yaml\n{_shortened(lint.good)}```\n"


def _shortened(rules: str) -> str:
    return rules.replace("very " * 200, "very very … very ")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - made to be redirected
