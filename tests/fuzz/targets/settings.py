"""Configuration files: sound lines out of order, harmed; a key that was pasted in must not come back in a finding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import yaml

from p2pbot.config import Places, Settings, parse_settings
from p2pbot.document import nodes
from p2pbot.errors import ConfigError
from tests.fuzz.mutation import FRAGMENTS, harms, pick
from tests.fuzz.target import Input, Target

CANARY = "hunter2Canary7"  # shorter than what a file takes for a pasted key: nothing but its place gives it away
_PLACES = Places(base=Path("/etc/p2pbot"), home=Path("/home/p"), state_dir=Path("/var/lib/p2pbot"))
_FILE = Path("config.yaml")
_HEAD = ("version: 1", "mode: shadow", "state_dir: state")
_ACCOUNT = (
    *("  - name: main", "    api_key_file: secrets/main.key", "    api_secret_file: secrets/main.secret"),
    *("    rules: rules", "    mode: live", "    recv_window: 5s", "    limits: {order_replies_per_hour: 10}"),
    *("    private_key_env: P2PBOT_KEY", "    api_key_credential: api-key"),
)
_BLOCKS = (
    ("limits:", "  order_replies_per_hour: 20", "  account_replies_per_minute: 60", "  breaker: 4"),
    ("timings:", "  settle_after: 10s", "  echo_timeout: 8s", "  order_poll: 30s", "  max_age: 10m"),
    ("exchange:", "  rest_url: https://api.example.com", "  ws_api_url: wss://a.example.com/ws", "  ca_file: ca.pem"),
    ("takeover:", "  mute: order"),
    ("log:", "  level: info", "  format: json"),
)
_SECRETS = (
    f"    api_key: {CANARY}",
    f"    api_secret: '{CANARY}'",
    f"    passphrase: {CANARY} x",
    f"  rest_url: https://user:{CANARY}@api.example.com",
    f"  ws_api_url: wss://u:{CANARY}@a.example.com/ws",
    f"token: {CANARY}",
    f"my_password: [{CANARY}]",
    f"api_secret: {{a: {CANARY}}}",
)
_VALUES = (
    "1h30m",
    "-1",
    "0s",
    "9" * 12,
    "1e9",
    "no",
    "~",
    "{a: 1}",
    "[1, 2]",
    '"\\ud800"',
    "'x'",
    "|",
    "&a 1",
    "*a",
    "",
)


def _a_file(rng: Random) -> Input:
    lines = [*_HEAD, "accounts:", *(line for line in _ACCOUNT if rng.random() < 0.8)]
    for block in _BLOCKS:
        if rng.random() < 0.4:
            lines += block
    for _ in range(int(rng.random() * 4)):
        at = int(rng.random() * len(lines))
        lines[at] = _harmed_line(lines[at], rng)
    secret = ""
    if rng.random() < 0.5:
        secret = pick(rng, _SECRETS)
        lines.insert(int(rng.random() * (len(lines) + 1)), secret)
    return "\n".join(lines) + "\n", secret


def _harmed_line(line: str, rng: Random) -> str:
    key, colon, _ = line.partition(":")
    kind = rng.random()
    if kind < 0.3 and colon:
        return f"{key}: {pick(rng, _VALUES)}"
    if kind < 0.4:
        return f"{line}\n{line}"
    if kind < 0.5:
        return line[1:] if line.startswith(" ") else f" {line}"
    return harms(line, rng, 2, FRAGMENTS)


@contextmanager
def parser_for(text: str) -> Iterator[None]:
    """Have PyYAML's own parser read one text of 32, as where libyaml is not present; it is ten times slower."""
    usual = nodes._LOADER
    nodes._LOADER = yaml.BaseLoader if len(text) % 32 == 0 else usual
    try:
        yield
    finally:
        nodes._LOADER = usual


def _judge(given: Input) -> str:
    text, secret = given
    try:
        with parser_for(text):
            settings = parse_settings(text, _FILE, _PLACES)
    except ConfigError as error:
        return _judge_refusal(error, secret)
    assert isinstance(settings, Settings)
    assert settings.accounts
    assert CANARY not in repr(settings) or not secret, "a pasted secret was loaded"
    assert all(account.api_secret or account.private_key for account in settings.accounts)
    assert settings.state_dir.is_absolute()
    return f"settings {len(settings.accounts)} {len(settings.warnings)}"


def _judge_refusal(error: ConfigError, secret: str) -> str:
    findings = error.findings
    assert 0 < len(findings) <= 120, f"{len(findings)} findings"
    for finding in findings:
        assert finding.startswith("config.yaml:"), f"a finding without its place: {finding[:60]}"
        finding.encode()
    shown = "\n".join((str(error), *findings))
    assert not secret or CANARY not in shown, f"a pasted secret is shown: {shown[:200]}"
    return f"{min(len(findings), 4)} {findings[0].partition(': ')[2][:24]}"


SETTINGS = Target("settings", _a_file, _judge)
