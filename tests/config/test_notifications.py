"""Who is told what: services are named, their addresses are not, and every mistake is told at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.config import Notifications, Places, parse_settings
from p2pbot.errors import ConfigError
from p2pbot.model import Topic

START = "version: 1\naccounts:\n  - {name: main, api_key_file: k, api_secret_file: s}\nnotifications:\n"
PLACES = Places(base=Path("/etc/p2pbot"), home=Path("/home/maria"), state_dir=Path("/var"))
HOUR_MS = 3_600_000
TEN_UTC_MS = 1_767_607_200_000  # 2026-01-05 10:00 UTC
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV_js"  # Apprise's own example


def notifications(lines: str) -> Notifications:
    """Return the part that these lines say."""
    return parse_settings(START + lines, Path("c.yaml"), PLACES).notifications


def findings(lines: str) -> str:
    """Return the findings of lines that do not load, snippets included."""
    with pytest.raises(ConfigError) as caught:
        notifications(lines)
    return "\n".join(caught.value.findings)


def test_a_service_is_complete() -> None:
    """Its address's file is absolute, and it hears of its own reasons instead of the common ones."""
    found = notifications(
        "  about: [appeal, deaf]\n  services:\n"
        "    - {name: phone, secret_file: secrets/phone.url}\n"
        "    - {name: mail, secret_env: MAIL_URL, about: summary}\n".replace("about: summary", "about: [summary]")
    )
    phone, mail = found.services
    assert phone.source is not None
    assert (phone.source.where, mail.source and mail.source.where) == ("/etc/p2pbot/secrets/phone.url", "MAIL_URL")
    assert found.policy(phone).about == {Topic.APPEAL, Topic.DEAF}
    assert found.policy(mail).about == {Topic.SUMMARY}


def test_quiet_hours_are_of_the_zone() -> None:
    """They may span midnight, begin at their first minute and end before their last."""
    found = notifications(
        "  zone: Europe/Istanbul\n  quiet_hours: 23:00-07:00\n  services: [{name: a, secret_env: A}]\n"
    )
    quiet = found.policy(found.services[0]).quiet
    assert quiet is not None
    # 10:00 UTC is 13:00 in Istanbul.
    assert [quiet.holds(TEN_UTC_MS + hours * HOUR_MS) for hours in (0, 9, 10, 17, 18)] == [
        False,
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(("text", "minute"), [("20:00", 1200), ("7:05", 425), ("00:00", 0), ("23:59", 1439)])
def test_the_time_of_the_summary(text: str, minute: int) -> None:
    """A time of day as people write it."""
    assert notifications(f"  summary_at: {text}\n").summary_minute == minute


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("  services: [{name: a}]\n", "the service has no address"),
        ("  services: [{name: a, secret_env: A, secret_file: b}]\n", "secret_file and secret_env: give one of them"),
        ("  services: [{name: a, secret_env: A}, {name: a, secret_env: B}]\n", "two services are called `a`"),
        ("  services: [{name: My Phone, secret_env: A}]\n", "a name has 1 to 32 small letters"),
        ("  about: [apeal]\n", "did you mean `appeal`?"),
        ("  about: []\n", "the list is empty"),
        ("  zone: Europe/Istambul\n", "did you mean `Europe/Istanbul`?"),
        ("  quiet_hours: at night\n", "is not a time of day; write 09:00-18:00"),
        ("  summary_at: 24:00\n", "expected a time of day"),
        ("  per_hour: 0\n", "must be between 1 and 100, is 0"),
        ("  disk_low_mib: 1\n", "must be between 10 and 100000"),
        (f"  services: [{', '.join(f'{{name: s{n}, secret_env: A}}' for n in range(11))}]\n", "more than 10 services"),
    ],
)
def test_a_mistake_is_told(lines: str, told: str) -> None:
    """Each in its own words."""
    assert told in findings(lines)


@pytest.mark.parametrize(
    "lines",
    [
        f"  services: [{{name: a, url: discord://4174216298/{TOKEN}}}]\n",
        f"  services:\n    - name: a\n      url: discord://4174216298/{TOKEN}\n",
        f"  services:\n    - name: a\n      secret_file: discord://4174216298/{TOKEN}\n",
        f"  services:\n    - name: a\n      secret_env: discord://4174216298/{TOKEN}\n",
        f"  services:\n    - discord://4174216298/{TOKEN}\n",
        f"  services:\n    - https://discord.com/api/webhooks/4174216298/{TOKEN}\n",
        f"  services: discord://4174216298/{TOKEN}\n",
        f"  phone: tgram://123456789:{TOKEN}/\n",
    ],
)
def test_a_pasted_address_is_refused_and_not_repeated(lines: str) -> None:
    """Wherever the address was pasted, no finding shows its secret."""
    assert TOKEN not in findings(lines)
