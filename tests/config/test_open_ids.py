"""The file of open ids: what it says, what is wrong with it, and how a line is added."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.config.open_ids import MAX_BYTES, OpenIds, checked_open_ids, parse_open_ids, with_order
from p2pbot.errors import ConfigError, UsageError

FILE = """\
# ours
customers:
  - {order: "20476365073825144832", open_id: oA}
  - {nickname: ann, open_id: oB}  # since May
"""


def findings(text: str) -> list[str]:
    """Return what is wrong with a file, without the lines that it shows."""
    found = parse_open_ids(text, "ids.yaml")
    assert not isinstance(found, OpenIds)
    return [finding.render().split("\n")[0] for finding in found]


def test_an_order_and_a_nickname_name_a_customer() -> None:
    """The order's number counts first, then the whole nickname; everybody else is not known."""
    known = checked_open_ids(FILE, "ids.yaml")
    assert known.find("20476365073825144832", "ann") == "oA"
    assert known.find("1", "ann") == "oB"
    assert [known.find("1", name) for name in ("", "Ann", "anna")] == ["", "", ""]


@pytest.mark.parametrize("text", ["", "\n", "# nobody yet\n", "customers:\n", "customers: []\n"], ids=ascii)
def test_a_file_may_name_nobody(text: str) -> None:
    """An empty file is no mistake."""
    assert parse_open_ids(text, "ids.yaml") == OpenIds()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{open_id: oA}", "ids.yaml:2:5: a customer is known by `order` or by `nickname`: write one of them"),
        ("{order: '1', nickname: a, open_id: oA}", "ids.yaml:2:5: a customer is known by `order` or by `nickname`"),
        ("{order: '1'}", "ids.yaml:2:5: the key `open_id` is missing"),
        ("{order: '1', openid: oA}", "ids.yaml:2:18: unknown key `openid`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line: str, said: str) -> None:
    """A line that names nobody, or two ways, or nothing, is a finding."""
    assert any(finding.startswith(said) for finding in findings(f"customers:\n  - {line}\n")), findings(
        f"customers:\n  - {line}\n"
    )


@pytest.mark.parametrize("kind", ["order", "nickname"])
def test_two_lines_that_contradict_each_other_are_refused(kind: str) -> None:
    """One order cannot be two customers'; the same said twice is harmless."""
    twice = f"customers:\n  - {{{kind}: a, open_id: oA}}\n  - {{{kind}: a, open_id: oB}}\n"
    said = f"ids.yaml:3:{8 + len(kind)}: this {kind} is another customer's above; delete one of the lines"
    assert findings(twice) == [said]
    assert isinstance(parse_open_ids(twice.replace("oB", "oA"), "ids.yaml"), OpenIds)


def test_a_line_is_added_and_the_rest_stays() -> None:
    """What a person wrote stands as it stood, comments too."""
    longer = with_order(FILE, "ids.yaml", "77", "oC")
    assert longer.startswith(FILE)
    assert checked_open_ids(longer, "ids.yaml").find("77", "") == "oC"


@pytest.mark.parametrize("text", ["", "# nobody yet", "# nobody yet\n", "customers:\n", FILE.rstrip("\n")], ids=ascii)
def test_a_line_is_added_to_any_usable_file(text: str) -> None:
    """An empty file is begun; a missing line break at the end does no harm."""
    assert checked_open_ids(with_order(text, "ids.yaml", "77", "oC"), "ids.yaml").find("77", "") == "oC"


def test_what_is_known_already_is_not_added_twice() -> None:
    """To remember the same again changes nothing."""
    assert with_order(FILE, "ids.yaml", "20476365073825144832", "oA") == FILE


def test_an_order_that_is_another_customers_is_not_changed() -> None:
    """Somebody is wrong, and a person must say who; neither id is in the error."""
    with pytest.raises(UsageError, match="another customer's") as caught:
        with_order(FILE, "ids.yaml", "20476365073825144832", "oZ")
    assert "oA" not in str(caught.value)
    assert "oZ" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["customers: [{order: '1', open_id: oA}]\n", "customers:\n- {order: '1', open_id: oA}\n"]
)
def test_a_file_of_another_form_is_not_spoiled(text: str) -> None:
    """Where a line at the end would not be right, it is not written, and the way out is named."""
    with pytest.raises(ConfigError, match="no line can be added at its end"):
        with_order(text, "ids.yaml", "77", "oC")


def test_a_file_that_is_wrong_is_not_added_to() -> None:
    """First it must be mended."""
    with pytest.raises(ConfigError) as caught:
        with_order("customers: 5\n", "ids.yaml", "77", "oC")
    assert caught.value.findings


def test_a_full_file_is_not_added_to() -> None:
    """A file as large as is read takes no line more."""
    full = FILE + "#" * (MAX_BYTES - len(FILE) - 10) + "\n"
    with pytest.raises(ConfigError, match="no line can be added"):
        with_order(full, "ids.yaml", "77", "oC")


@given(
    st.text(st.sampled_from("0123456789-_abcXYZ"), min_size=1, max_size=64),
    st.text(st.sampled_from("!#$%&*:{}[]'\"\\,>|@`~aZ9"), min_size=1, max_size=100),
)
def test_any_open_id_comes_back_as_it_was(order_no: str, open_id: str) -> None:
    """Whatever printable characters an id has, YAML reads what was written."""
    assert checked_open_ids(with_order("", "ids.yaml", order_no, open_id), "ids.yaml").find(order_no, "") == open_id


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    """Any text is a table, or is refused in plain words."""
    with suppress(ConfigError):
        assert isinstance(checked_open_ids(text, "ids.yaml"), OpenIds)
