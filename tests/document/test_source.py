"""Lines as they may be shown: nothing that logs on anywhere is in them."""

from __future__ import annotations

import pytest

from p2pbot.document.findings import Finding, Position
from p2pbot.document.source import Source, gives_away, without_login


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/x", "https://<hidden>host/x"),
        ("https://token@host", "https://<hidden>host"),
        ("found `https://user:pw4", "found `https://<hidden>"),  # cut before its end
        ("a: {u: https://x:p@w@z}", "a: {u: https://<hidden>z}"),
        ("https://host:443/x and wss://host:9443", "https://host:443/x and wss://host:9443"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("mail@example.com: 5", "mail@example.com: 5"),
    ],
)
def test_an_address_is_shown_without_what_logs_on(text: str, shown: str) -> None:
    """User and password go, host and port stay."""
    assert without_login(text) == shown


def test_a_line_with_a_login_is_cut_before_it() -> None:
    """The snippet and the sentence of a finding hide it, wherever the fault is."""
    source = Source("rest_url: https://user:HUNTER2@host\n", "c.yaml")
    found = source.with_snippet(source.finding(0, "found `https://user:HUNTER2@host`"))
    assert "HUNTER2" not in found.render()
    assert "rest_url: https:// <hidden>" in found.render()


def test_of_a_login_and_a_secret_key_in_one_line_neither_is_shown() -> None:
    """The line ends where the first of them begins."""
    source = Source("a: https://me:HUNTER2@host api_key: HUNTER3\nb: {api_key: HUNTER2, u: 'x://HUNTER2@y'}", "c.yaml")
    assert "HUNTER" not in source.snippet(1) + source.snippet(2)


def test_half_a_surrogate_pair_can_be_shown() -> None:
    """An argument of the command line may hold bytes that are no UTF-8; the finding about it is written anyhow."""
    finding = Finding(Position("--order", 1, 1), "not a valid character", snippet_line="side: \udcff")
    finding.render().encode()


@pytest.mark.parametrize("value", ["a\nb", "api_key: x", "x {token: y}"])
def test_a_text_that_swallowed_other_lines_may_give_them_away(value: str) -> None:
    """A value that holds a line break, or a key that looks secret, is not repeated."""
    assert gives_away(value)
    assert not gives_away("live\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see discord://1234/abc", "see discord://<hidden>"),
        ("mailto://u:p@host x", "mailto://<hidden> x"),
        ("https://discord.com/api/webhooks/1/abc", "https://discord.com/api/webhooks/<hidden>"),
        ("https://hooks.test/webhook/abc", "https://hooks.test/webhook/<hidden>"),
        ("https://api.binance.com/sapi", "https://api.binance.com/sapi"),
        ("wss://stream.binance.com:9443", "wss://stream.binance.com:9443"),
    ],
)
def test_the_address_of_a_messenger_is_a_password(text: str, shown: str) -> None:
    """What stands behind such a scheme, or behind a webhook's path, is hidden; ordinary addresses are not."""
    assert without_login(text) == shown
