"""How long things are remembered: one place to say it, and the older name of one of them still holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.config import Duration, Places, parse_settings

START = "version: 1\naccounts: [{name: main, api_key_file: k, api_secret_file: s}]\n"
PLACES = Places(base=Path("/"), home=Path("/"), state_dir=Path("/"))
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("", 180),
        ("archive: {pictures: true}", 180),
        ("archive: {keep: 365d}", 365),
        ("retention: {images: 30d}", 30),
        ("retention: {messages: 7d}\narchive: {keep: 10d}", 10),
        ("retention: {images: 180d}\narchive: {keep: 365d}", 180),
    ],
)
def test_pictures_are_kept_as_long_as_was_said(text: str, days: int) -> None:
    """An update shortens nobody's archive: the older name holds unless the newer one is given."""
    settings = parse_settings(START + text, Path("c"), PLACES)
    assert settings.retention.images == Duration(days * DAY_MS)
