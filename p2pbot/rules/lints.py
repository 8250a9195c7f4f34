"""What a text may not say, or had better not: length, variables that the event has not, bank data, links and promises.

Promise: an ERROR is what would harm a trade or never be sent; a WARNING can be waived beside the text with
``# p2pbot: ignore P034``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import regex

from p2pbot.document import Finding, Loaded, Severity
from p2pbot.model import EventKind, OrderStatus, Side
from p2pbot.rules.account_events import is_of_account
from p2pbot.rules.replies import MAX_BUBBLE
from p2pbot.rules.spec import FileSpec, RuleSpec
from p2pbot.rules.templates import Text, lengths
from p2pbot.rules.variables import MATCH, ONLY_WITH_MESSAGE, PAYMENT, PAYMENT_METHOD_NAME

Path = tuple[str | int, ...]
_PHONE = r"(?<![\w.{])(?<!\d[\s().-])(?:\+\d(?:[\s().-]{0,2}\d){7,14}|\d(?:[\s().-]?\d){9,14})(?![\s().-]?\d)(?!\w)"
_CONTACT = regex.compile(
    r"https?://|\bwww\.|\bt\.me/|\bwa\.me/|\b(?:telegram|whatsapp|wechat|viber|skype|instagram)\b|(?<![\w.])@\w{3,}"
    r"|\b\w{1,63}\.(?:com|net|org|ru|io|me|cn|info|app|xyz)\b|телеграмм?\b|ватсап\w*|вотсап\w*|微信|电报|" + _PHONE,
    regex.IGNORECASE,
)
_DOUBLE = regex.compile(r"\{\{.*?\}\}|\{%.*?%\}", regex.DOTALL)
_NAMED = r"(?P<name>[a-z_]{2,20}(?:\.[a-z_]{2,30})?)"
_SINGLE = regex.compile(rf"\{{\s?{_NAMED}\s?\}}|%{_NAMED}%|\$\{{?{_NAMED}\b")
_CURLY = regex.compile(r"[“„”][^“„”]*[“”]", regex.DOTALL)
_IGNORED = regex.compile(r"#\s*p2pbot:\s*ignore\s+(?P<codes>P\d{3}(?:[\s,]+P\d{3})*)")


def text_lints(text: Text, spec: RuleSpec, loaded: Loaded[FileSpec], path: Path) -> Iterator[Finding]:
    """Yield what is wrong with one text of a rule."""
    yield from _length(text, loaded, path)
    yield from _event_variables(text, spec, loaded, path)
    yield from _bank_data(text, spec, loaded, path)
    yield from _slips_of_the_pen(text, loaded, path)
    contact = _CONTACT.search(text.source)
    if contact:
        message = f"`{contact[0][:40]}` looks like a phone number, a handle or a link, which the market rejects"
        yield loaded.finding(loaded.find(path, contact[0]), message, code="P034", severity=Severity.WARNING)


def translation_lints(
    variables: Mapping[str, frozenset[tuple[str, str]]], loaded: Loaded[FileSpec], path: Path
) -> Iterator[Finding]:
    """Yield the languages whose text leaves out a variable that the first one has, or has one more."""
    (first, expected), *others = variables.items()
    for code, used in others:
        for group, name in sorted(expected ^ used)[:1]:
            has, lacks = (first, code) if (group, name) in expected else (code, first)
            message = f"the text in `{has}` uses `{group}.{name}`, the one in `{lacks}` does not"
            place = loaded.key_position((*path, code))
            yield loaded.finding(place, message, code="P024", severity=Severity.WARNING)


def without_ignored(findings: list[Finding], text: str) -> list[Finding]:
    """Drop the warnings that a comment on their line, or alone on the line above, waives."""
    lines = text.splitlines()
    waived = {
        number: set(regex.findall(r"P\d{3}", found["codes"]))
        for number, line in enumerate(lines, 1)
        if (found := _IGNORED.search(line))
    }

    def is_waived(finding: Finding) -> bool:
        line = finding.position.line
        above = lines[line - 2] if 1 < line <= len(lines) + 1 else ""
        codes = waived.get(line, set()) | (waived.get(line - 1, set()) if above.lstrip().startswith("#") else set())
        return finding.severity is Severity.WARNING and finding.code in codes

    return [finding for finding in findings if not is_waived(finding)]


def _slips_of_the_pen(text: Text, loaded: Loaded[FileSpec], path: Path) -> Iterator[Finding]:
    """Look for what is said as it stands though it was meant for YAML or for us."""
    single = _SINGLE.search(_DOUBLE.sub(lambda found: " " * len(found[0]), text.source))
    if single:
        message = f"`{single[0][:40]}` is said as it is written"
        hint = f"write {{{{ {single['name']} }}}} to have it filled in"
        yield loaded.finding(loaded.find(path, single[0]), message, hint, "P026", Severity.WARNING)
    if _CURLY.fullmatch(text.source.strip()):
        hint = 'the straight ones of the keyboard are YAML\'s: "…"'
        message = "these quotes are said too"
        yield loaded.finding(loaded.position(path), message, hint, "P027", Severity.WARNING)


def _length(text: Text, loaded: Loaded[FileSpec], path: Path) -> Iterator[Finding]:
    least, most = lengths(text)
    if least > MAX_BUBBLE:
        message = f"the text has at least {least} characters; the chat takes {MAX_BUBBLE}"
        yield loaded.finding(loaded.position(path), message, "write a list of shorter texts", "P023")
    elif most > MAX_BUBBLE:
        message = f"the text may come to {most} characters and would be split; the chat takes {MAX_BUBBLE}"
        yield loaded.finding(loaded.position(path), message, code="P023", severity=Severity.WARNING)


def _event_variables(text: Text, spec: RuleSpec, loaded: Loaded[FileSpec], path: Path) -> Iterator[Finding]:
    silent = [event.value for event in spec.on if event is not EventKind.MESSAGE]
    for group, name in sorted(text.variables) if silent else ():
        if group in ONLY_WITH_MESSAGE and group != MATCH:
            message = f"`{group}.{name}` is not known in `on: {silent[0]}`, which has no text"
            yield loaded.finding(loaded.find(path, f"{group}.{name}"), message, code="P022")
    for group, name in sorted(text.variables) if is_of_account(spec) else ():
        if group != "bot":
            message = f"`{group}.{name}` is not known in `on: {spec.on[0].value}`, which has no order"
            yield loaded.finding(loaded.find(path, f"{group}.{name}"), message, code="P022")


def _bank_data(text: Text, spec: RuleSpec, loaded: Loaded[FileSpec], path: Path) -> Iterator[Finding]:
    used = sorted(name for group, name in text.variables if group == PAYMENT and name != PAYMENT_METHOD_NAME)
    if not used or (spec.when.side == (Side.SELL,) and spec.when.statuses == {OrderStatus.UNPAID}):
        return
    message = f"`{PAYMENT}.{used[0]}` is bank data: it is for orders that we sell and that are not paid yet"
    hint = "add `when: {side: sell, order_status: unpaid}`"
    yield loaded.finding(loaded.find(path, f"{PAYMENT}.{used[0]}"), message, hint, "P033")
