"""Whatever a stranger sends can be stored."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from p2pbot.adapters.sqlite.storable import MAX_TEXT, MAX_TRACE, storable, storable_text
from p2pbot.conversation.records import Mute, OrderMemory
from p2pbot.model import LimitScope, MessageKind, Reason
from tests.fakes.records import claim, entry, mark, reply

any_text = st.text(st.characters(codec=None))


@given(any_text)
def test_every_text_becomes_encodable(text: str) -> None:
    """What is stored is UTF-8, as long as before, and the same when it passes a second time."""
    kept = storable_text(text)
    assert kept.encode().decode() == kept
    assert len(kept) == len(text)
    assert storable_text(kept) == kept


@given(st.text())
def test_whole_texts_stay(text: str) -> None:
    """A text without half pairs is not changed."""
    assert storable_text(text) == text


@given(st.integers())
def test_every_number_fits_a_column(number: int) -> None:
    """A number within 64 bits stays, another becomes the nearest that fits."""
    kept = storable(replace(entry("1"), created_at_ms=number)).created_at_ms
    assert -(2**63) < kept < 2**63
    assert kept == number or abs(number) >= 2**63


def test_records_within_records_are_reached() -> None:
    """A claim is cleaned through its entry, replies, firings, memory and mute; words of our own are left alone."""
    odd, kept = "\ud800", "?"
    memory = OrderMemory(account=odd, order_no=odd, mute=Mute(reason=Reason.MUTED, since_ms=2**70))
    whole = claim(entry(odd, text=odd), reply(odd, text=odd), firings=(mark(LimitScope.ORDER, odd),))
    cleaned = storable(replace(whole, memory=memory))
    assert (cleaned.entry.message_id, cleaned.entry.text, cleaned.entry.kind) == (kept, kept, MessageKind.TEXT)
    assert (cleaned.replies[0].uuid, cleaned.replies[0].text) == (kept, kept)
    assert cleaned.firings[0].scope_id == kept
    assert cleaned.memory == OrderMemory(
        account=kept, order_no=kept, mute=Mute(reason=Reason.MUTED, since_ms=2**63 - 1)
    )


def test_bounds() -> None:
    """An inbound text is cut, a trace that is too long is dropped whole, a reply's text is never touched."""
    long = "x" * (MAX_TRACE + 1)
    whole = storable(claim(entry("1", text=long, trace=long), reply("u", text=long)))
    assert (len(whole.entry.text), whole.entry.trace, whole.replies[0].text) == (MAX_TEXT, "[]", long)
    assert storable(entry("1", trace=long[:MAX_TRACE])).trace == long[:MAX_TRACE]
