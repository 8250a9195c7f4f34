"""What a set of rules leaves behind when it is replaced."""

from __future__ import annotations

import gc

from tests.fakes.occasions import rules

_SET = """
  - id: a
    words: [hello, "pay*"]
    typos: 1
    any: [{words: x}, {regex: '(?P<n>he\\w+) ?(you|there)'}]
    not_regex: 'sto+p'
    reply: {en: "{{ match.n|upper }} {% if order.side == 'sell' %}x{% endif %}", de: "{{ match.n|upper }}"}
    notify: "order {{ order.number }}"
    examples: [hello you]
"""


def test_replaced_rules_are_freed_without_the_collector() -> None:
    """They hold no cycle, not even in texts that were said: the collector never looks at them."""
    rules(_SET).winners("hello you")  # what libraries keep for themselves is made once
    gc.collect()
    assert rules(_SET).winners("hello you") == ["a"]
    assert gc.collect() == 0
