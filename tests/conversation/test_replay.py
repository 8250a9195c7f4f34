"""Recorded chats through two sets of rules: the times are kept, and what was cancelled is no reply."""

from __future__ import annotations

import json

import pytest

from p2pbot.conversation.replay import Change, changes, read_chat
from p2pbot.rules.dialogue import DialogueSpec
from tests.fakes.occasions import rules


def chat(*steps: dict[str, object]) -> DialogueSpec:
    """Return a chat."""
    read = read_chat(json.dumps({"order": {"side": "sell"}, "chat": steps}), "c.jsonl", 1)
    assert isinstance(read, DialogueSpec), read
    return read


@pytest.mark.parametrize(("recorded", "other"), [(True, True), (False, False)])
def test_the_waits_of_a_record_are_the_whole_time(*, recorded: bool, other: bool) -> None:
    """Nobody types in between: ten seconds less than the limit is too soon."""
    often, seldom = (
        rules(f"  - {{id: a, words: hi, reply: Hello, delay: 3s, limit: {{every: {span}}}}}").ruleset
        for span in ("1m", "10m")
    )
    talk = chat({"counterparty": "hi"}, {"wait": "595s"}, {"counterparty": "hi there"})
    found = changes(often, seldom, talk, recorded=recorded)
    assert found == ((Change("counterparty: hi there", ("Hello",), ()),) if other else ())


def test_a_reply_that_a_person_overtakes_is_none() -> None:
    """It would not have been written."""
    slow = rules("  - {id: a, words: hi, reply: Hello, delay: 5s}").ruleset
    quick = rules("  - {id: a, words: hi, reply: Hello}").ruleset
    talk = chat({"counterparty": "hi"}, {"wait": "2s"}, {"operator": "one moment"})
    assert changes(quick, slow, talk, recorded=True) == (Change("counterparty: hi", ("Hello",), ()),)


def test_a_reply_belongs_to_the_step_that_brought_it_about() -> None:
    """Though it is written while another step goes on; the last ones are waited for."""
    old = rules(
        "  - {id: a, words: hi, reply: Hello, delay: 5s}\n  - {id: b, on: image, reply: Nice, delay: 8s}"
    ).ruleset
    new = rules("  - {id: a, words: hi, reply: Hi, delay: 5s}\n  - {id: b, on: image, reply: Wow, delay: 8s}").ruleset
    talk = chat({"counterparty": "hi"}, {"wait": "1m"}, {"image": "a.png"}, {"bot": "x"}, {"none": "limit"})
    assert changes(old, new, talk, recorded=True) == (
        Change("counterparty: hi", ("Hello",), ("Hi",)),
        Change("image", ("Nice",), ("Wow",)),
    )


def test_a_message_put_off_is_answered_where_its_burst_ended() -> None:
    """``debounce``."""
    old = rules("  - {id: a, words: hi, reply: Hello, debounce: 5s}").ruleset
    new = rules("  - {id: a, words: hi, reply: Hi, debounce: 5s}").ruleset
    talk = chat({"counterparty": "hi"}, {"wait": "2s"}, {"counterparty": "are you there"}, {"wait": "1m"})
    assert [(found.old, found.new) for found in changes(old, new, talk, recorded=True)] == [(("Hello",), ("Hi",))]


def test_a_written_test_waits_for_the_replies_that_it_names() -> None:
    """Its people read an answer before they go on; those of a record did not."""
    old = rules("  - {id: a, words: hi, reply: Hello, delay: 5s}").ruleset
    new = rules("  - {id: a, words: hi, reply: Hi, delay: 5s}").ruleset
    talk = chat({"counterparty": "hi"}, {"bot": {"rule": "a"}}, {"order": {"order_status": "paid"}})
    assert changes(old, new, talk) == (Change("counterparty: hi", ("Hello",), ("Hi",)),)
    assert changes(old, new, talk, recorded=True) == ()
