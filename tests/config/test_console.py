"""Where the status endpoints may listen."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.config import Places, Settings, parse_settings
from p2pbot.errors import ConfigError

START = "version: 1\naccounts:\n  - {name: main, api_key_file: k, api_secret_file: s}\n"
PLACES = Places(base=Path("/"), home=Path("/"), state_dir=Path("/"))


def parsed(console: str) -> Settings:
    """Return the settings with this console part."""
    return parse_settings(f"{START}console: {console}\n", Path("c"), PLACES)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("127.8.9.1:1", ("127.8.9.1", 1)),
        ("'[::1]:9464'", ("::1", 9464)),
    ],
)
def test_loopback_is_listened_on(listen: str, address: tuple[str, int]) -> None:
    """An address of this machine alone needs nothing more."""
    assert parsed(f"{{listen: {listen}}}").console.address == address


@pytest.mark.parametrize("listen", ["0.0.0.0:9464", "'[::]:9464'", "192.0.2.1:80"])
def test_the_world_needs_a_second_word(listen: str) -> None:
    """An address that other machines reach is refused without ``remote: true``, and taken with it."""
    with pytest.raises(ConfigError) as refused:
        parsed(f"{{listen: {listen}}}")
    assert "remote: true" in refused.value.findings[0]
    assert parsed(f"{{listen: {listen}, remote: true}}").console.address is not None


@pytest.mark.parametrize("listen", ["9464", "localhost:9464", "127.0.0.1", "127.0.0.1:99999", "1.2.3:4", "':::1'"])
def test_what_is_no_address_is_refused_with_an_example(listen: str) -> None:
    """A name, a lone port and a number out of range are told with one that is right."""
    with pytest.raises(ConfigError) as refused:
        parsed(f"{{listen: {listen}}}")
    assert "127.0.0.1:9464" in refused.value.findings[0]
