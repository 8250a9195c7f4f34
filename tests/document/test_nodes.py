"""Nodes by either of PyYAML's parsers: libyaml's, and its own where libyaml is not present."""

from __future__ import annotations

import pytest
import yaml

from p2pbot.document import nodes
from p2pbot.document.source import Source

PARSERS = [yaml.BaseLoader, getattr(yaml, "CBaseLoader", yaml.BaseLoader)]


@pytest.fixture(params=PARSERS, ids=["PyYAML's own", "libyaml's"], autouse=True)
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the nodes read by each of them."""
    monkeypatch.setattr(nodes, "_LOADER", request.param)


@pytest.mark.parametrize(
    "text", ['a: "\\U00110000"', 'a: "\\UFFFFFFFF"', 'a: "\\ud800"', '"\\udfff": 1\n"\\udfff": 2', 'a: ["\\ud83d"]']
)
def test_a_character_code_that_does_not_exist_is_a_finding(text: str) -> None:
    """Neither an exception nor a text that nothing can write."""
    root, findings = nodes.read_nodes(Source(text, "a.yaml"))
    assert root is None
    (only,) = findings
    only.render().encode()


def test_an_escape_of_a_whole_character_is_read() -> None:
    """Beyond the first plane too."""
    root, findings = nodes.read_nodes(Source('a: "\\U0001F600"', "a.yaml"))
    assert findings == []
    assert root is not None
    assert nodes.plain_data(root) == {"a": "\U0001f600"}
