"""Numbers, times and ranges as merchants write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p2pbot.rules.measures import Kind, duration_ms, duration_range_ms, parse_bound


@pytest.mark.parametrize(
    ("text", "kind", "inside", "outside"),
    [
        (">1000", "number", "1000.01", "1000"),
        (">=1000", "number", "1000", "999.99"),
        ("< 50", "number", "49", "50"),
        ("<=50", "number", "50", "50.1"),
        ("!=0", "number", "1", "0"),
        ("=5", "number", "5.0", "6"),
        ("900", "number", "900.00", "901"),
        ("<٥", "number", "4", "5"),
        ("500-2000", "number", "2000", "2000.01"),
        ("500..2000", "number", "500", "499"),
        ("500 – 2000", "number", "700", "0"),
        (">=95%", "percent", "0.95", "0.9499"),
        ("<0.9", "percent", "0.89", "0.9"),
        ("90", "percent", "0.9", "0.91"),
        ("<7d", "days", "6", "7"),
        (">=1d12h", "days", "2", "1"),
        (">=10m", "duration", "600000", "599999"),
        ("<-5", "signed", "-6", "-5"),
        ("!=0", "signed", "-1", "0"),
        ("-10..-5", "signed", "-7", "-11"),
        ("-10-5", "signed", "0", "6"),
        ("−5", "signed", "-5", "5"),
    ],
)
def test_a_comparison_holds_for_what_it_says(text: str, kind: Kind, inside: str, outside: str) -> None:
    """Ends belong to ranges and to ``<=``."""
    bound = parse_bound(text, kind)
    assert bound.holds(Decimal(inside))
    assert not bound.holds(Decimal(outside))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("many", "number", '`many` is not understood; write ">1000"'),
        (">", "number", "not understood"),
        ("1,000", "number", "not understood"),
        ("10-5", "number", "the first number is larger"),
        ("<7", "days", '`<7` is not understood; write "<7d"'),
        ("1e5", "number", "not understood"),
        ("-5", "number", "not understood"),
        ("", "number", "a text that starts with > needs quotes"),
        ("some", "signed", 'write "!=0"'),
    ],
)
def test_what_cannot_be_read_says_what_can(text: str, kind: Kind, message: str) -> None:
    """The sentence shows an example."""
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_bound(text, kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("90 s", 90_000),
        ("1.5h", 5_400_000),
        ("250ms", 250),
        ("2D", 172_800_000),
        ("0", 0),
        ("10 min", 600_000),
        ("2 hours 30 minutes", 9_000_000),
        ("90 seconds", 90_000),
        ("1day", 86_400_000),
    ],
)
def test_a_duration_is_read_with_its_unit(text: str, expected: int) -> None:
    """Milliseconds come out."""
    assert duration_ms(text) == expected


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "10x", "5m later", "1h 30", "2 months", "3 sheep"])
def test_a_duration_without_a_unit_is_refused(text: str) -> None:
    """Nobody guesses whether 10 is seconds or minutes."""
    with pytest.raises(ValueError, match="is not a time"):
        duration_ms(text)


def test_a_range_of_times_has_two_ends_or_one() -> None:
    """``3s`` is ``3s..3s``; the wrong order is refused."""
    assert duration_range_ms("2s..4s") == (2000, 4000)
    assert duration_range_ms("3s") == (3000, 3000)
    with pytest.raises(ValueError, match="longer than the second"):
        duration_range_ms("4s..2s")
