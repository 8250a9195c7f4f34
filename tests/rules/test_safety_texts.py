"""No text gets out of the sandbox, and none is said that is larger than a reply may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from p2pbot.document import Severity
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.templates import MAX_SAID, CannotSay, Text, compile_text
from p2pbot.rules.variables import values
from tests.fakes.occasions import some_facts
from tests.rules.escapes import ESCAPES


class Counted(dict[str, Any]):
    """Values that count how often they are asked for."""

    asked = 0

    def __getitem__(self, key: str) -> Any:
        """Return a value."""
        self.asked += 1
        return super().__getitem__(key)


def test_the_table_is_as_large_as_it_says() -> None:
    """A hundred at least, each once."""
    assert len(set(ESCAPES.values())) == len(ESCAPES) >= 100


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_is_refused_when_it_is_loaded(name: str) -> None:
    """The whitelist is the wall, the sandbox behind it is never asked: an ERROR at the text's place."""
    text = f"version: 1\nrules:\n  - id: a\n    words: hi\n    reply: {json.dumps(ESCAPES[name], ensure_ascii=False)}\n"
    loaded = load_rules({"a.yaml": text})
    errors = [finding for finding in loaded.findings if finding.severity is Severity.ERROR]
    assert loaded.ruleset is None
    assert errors
    assert {finding.position.line for finding in errors} == {5}
    assert all(finding.message for finding in errors)


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_is_refused_wherever_a_text_may_stand(name: str) -> None:
    """In a snippet and in a word to the operator too."""
    source = json.dumps(ESCAPES[name], ensure_ascii=False)
    for part in (f"    reply: {{snippet: s}}\nsnippets:\n  s: {source}\n", f"    notify: {source}\n"):
        loaded = load_rules({"a.yaml": f"version: 1\nrules:\n  - id: a\n    words: hi\n{part}"})
        assert loaded.ruleset is None


def test_a_text_that_repeats_a_long_message_is_not_made_to_its_end() -> None:
    """Four hundred times a message of 200,000 letters would be 80 MB: it ends at the first that is too many."""
    text = compile_text("{{ message.text }}" * 400)
    assert isinstance(text, Text)
    message = Counted(text="x" * 200_000)
    with pytest.raises(CannotSay, match=f"more than {MAX_SAID}"):
        text.render({"message": message})
    assert message.asked == 1


def test_many_small_values_are_counted_together() -> None:
    """The bound is that of the whole text."""
    text = compile_text("{{ message.text }}" * 400)
    assert isinstance(text, Text)
    message = Counted(text="x" * 100)
    with pytest.raises(CannotSay):
        text.render({"message": message})
    assert message.asked == MAX_SAID // 100 + 1


def test_a_text_of_as_much_as_a_reply_may_be_is_said() -> None:
    """The bound itself is allowed."""
    text = compile_text("{{ message.text }}")
    assert isinstance(text, Text)
    assert len(text.render(values(some_facts(), "x" * MAX_SAID, ()))) == MAX_SAID
