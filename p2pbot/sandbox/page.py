"""The start page: what this is, what it is not, what it can play."""

from __future__ import annotations

import html

from p2pbot.sandbox.registry import FAULTS


def start_page(accounts: tuple[str, ...]) -> str:
    """Return the page as HTML. It holds no key and no token."""
    names = ", ".join(html.escape(name) for name in accounts)
    rows = "".join(
        f"<tr><td><code>{kind.name}</code></td><td>{html.escape(kind.meaning)}</td></tr>" for kind in FAULTS.values()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>SIMULATED exchange</title>"
        "<h1>SIMULATED exchange (p2pbot sandbox)</h1>"
        "<p>This is <strong>not</strong> an exchange. Orders, people and money here are made up.</p>"
        f"<p>Accounts: {names}</p>"
        "<p>Control it with <code>POST /control/ACTION</code>; the token is in the file <code>control.token</code>.</p>"
        f"<h2>Faults it can play</h2><table>{rows}</table></html>"
    )
