"""Which literals a text holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.prefilter import LiteralIndex
from tests.fakes.occasions import rules

_FEW_LETTERS = st.text(alphabet="abя付 ", min_size=1, max_size=6)


@given(st.sets(_FEW_LETTERS, max_size=20), st.text(alphabet="abя付 ", max_size=30))
def test_the_index_agrees_with_asking_each_literal(literals: set[str], text: str) -> None:
    """Shared beginnings, endings and pieces hide nothing and invent nothing."""
    assert LiteralIndex(literals).held(text) == {literal for literal in literals if literal in text}


def test_of_many_patterns_those_are_asked_whose_literals_are_there() -> None:
    """Whatever the case and the form in which they are written; a pattern without literals is always asked."""
    many = "".join(f"  - {{id: r{at}, regex: 'word{at} ?x', reply: x}}\n" for at in range(100))
    own = "  - {id: a, regex: 'ВЫПИСК[аи]', reply: x}\n  - {id: b, regex: '[xy]{3}', not_regex: stop, reply: x}\n"
    asked = rules(many + own)
    assert asked.winners("Где ｗｏｒｄ７ X?") == ["r7"]
    assert asked.winners("пришлите выписку, Выписка нужна") == ["a"]
    assert asked.winners("yyy") == ["b"]
    assert asked.winners("yyy stop") == []
    assert [rule.id for rule in asked.ruleset.called(asked.ruleset.hear("word12"))] == ["r1", "r12", "b"]
