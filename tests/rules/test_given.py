"""Facts that a person gives: what cannot be read is said, never raised."""

from __future__ import annotations

import pytest

from p2pbot.rules.given import GivenFacts, given_facts


@pytest.mark.parametrize("share", ["²%", "½%", "%", "-5%", "1e5%", "x%"])
def test_a_share_that_is_no_number_is_a_finding(share: str) -> None:
    """Some characters count as digits and are none."""
    found = given_facts({"counterparty.completion": share}, "--order")
    assert not isinstance(found, GivenFacts)
    assert found


@pytest.mark.parametrize(("share", "read"), [("95%", "0.95"), ("٩٥%", "0.95"), ("0.5", "0.5")])
def test_a_share_may_be_a_percentage(share: str, read: str) -> None:
    """In the digits of any script."""
    found = given_facts({"counterparty.completion": share}, "--order")
    assert isinstance(found, GivenFacts)
    assert str(found.counterparty.completion) == read
