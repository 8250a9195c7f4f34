"""How the commands of ``p2pbot rules`` show findings and counts."""

from __future__ import annotations

from p2pbot.adapters.redaction import scrub
from p2pbot.cli.output import Paint, shown
from p2pbot.document import Finding, Severity


def show_finding(finding: Finding, paint: Paint) -> None:
    """Print a finding with its line and caret."""
    headline, *snippet = scrub(finding.render()).splitlines()
    print(paint("red" if finding.severity is Severity.ERROR else "yellow", shown(headline)))
    for line in snippet:
        print(paint("dim", shown(line)))


def counted(count: int, noun: str) -> str:
    """Return ``1 rule`` or ``2 rules``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
