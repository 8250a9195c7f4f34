"""``p2pbot sandbox`` as a merchant starts it."""

from __future__ import annotations

import json
import signal
import ssl
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from p2pbot.cli import EXIT_FAILURE, EXIT_USAGE, main
from p2pbot.config import load_settings
from p2pbot.sandbox import FAULTS

DEADLINE_S = 30.0


def script(directory: Path, *steps: dict[str, object]) -> str:
    """Write a script and return its path."""
    path = directory / "day.jsonl"
    path.write_text("\n".join(json.dumps(step) for step in steps))
    return str(path)


def test_a_script_that_goes_as_written_is_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 0, and every line of the start says what this is and where things lie."""
    day = script(tmp_path, {"do": "open_order", "account": "main", "as": "a"}, {"do": "pay", "order": "a"})
    assert main(["sandbox", "--directory", str(tmp_path / "play"), "--script", day]) == 0
    out = capsys.readouterr().out
    assert out.startswith("SIMULATED exchange")
    for place in ("api_key", "api_secret", "config.yaml", "control.token", "sandbox-ca.pem"):
        assert str(tmp_path / "play" / place) in out
        assert (tmp_path / "play" / place).is_file()


def test_no_secret_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files are named, their contents are not shown, and they are private."""
    main(["sandbox", "--directory", str(tmp_path), "--script", script(tmp_path)])
    shown = capsys.readouterr()
    for name in ("api_key", "api_secret", "control.token"):
        path = tmp_path / name
        assert path.read_text() not in shown.out + shown.err
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_configuration_asks_for_facts_where_wanted(tmp_path: Path) -> None:
    """With ``--facts`` it loads with both of the account's streams switched on."""
    main(["sandbox", "--directory", str(tmp_path), "--facts", "--hurry", "10", "--script", script(tmp_path)])
    (account,) = load_settings(tmp_path / "config.yaml", {}).accounts
    assert (account.futures.enabled, account.spot.user_data) == (True, "subscribe")


def test_a_script_that_fails_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1 and the line is named."""
    day = script(tmp_path, {"until": "connected", "account": "main", "within_ms": 5})
    assert main(["sandbox", "--directory", str(tmp_path), "--script", day]) == EXIT_FAILURE
    assert "line 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--port", "70000"], ["--port", "x"], ["--script", "/nowhere/day.jsonl"], ["--fast"], ["--hurry", "0"]],
)
def test_a_wrong_command_line_is_usage(arguments: list[str]) -> None:
    """The exit code is 2, and nothing was started."""
    assert main(["sandbox", *arguments]) == EXIT_USAGE


def test_a_wrong_script_is_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script is read before anything starts: no directory is made for a wrong one."""
    day = script(tmp_path, {"do": "fly"})
    assert main(["sandbox", "--directory", str(tmp_path / "play"), "--script", day]) == EXIT_USAGE
    assert "there is no 'fly'" in capsys.readouterr().err
    assert not (tmp_path / "play").exists()


def test_a_directory_that_cannot_be_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file where the directory should be: exit code 1 and what to do."""
    (tmp_path / "play").write_text("")
    assert main(["sandbox", "--directory", str(tmp_path / "play"), "--script", script(tmp_path)]) == EXIT_FAILURE
    assert "choose another --port or --directory" in capsys.readouterr().err


def test_several_accounts_have_their_own_keys(tmp_path: Path) -> None:
    """``--account`` may be repeated; each account stands in the configuration."""
    arguments = ["--account", "main", "--account", "two", "--no-tls", "--script", script(tmp_path)]
    assert main(["sandbox", "--directory", str(tmp_path), *arguments]) == 0
    configuration = (tmp_path / "config.yaml").read_text()
    assert configuration.count("api_key_file") == 2
    assert 'rest_url: "http://' in configuration
    assert (tmp_path / "api_key").read_text() != (tmp_path / "two.api_key").read_text()


def test_the_configuration_is_one_that_the_daemon_takes(tmp_path: Path) -> None:
    """What the sandbox writes loads without a finding, keys included."""
    main(["sandbox", "--directory", str(tmp_path), "--script", script(tmp_path)])
    settings = load_settings(tmp_path / "config.yaml", {})
    assert [account.name for account in settings.accounts] == ["main"]
    assert settings.exchange.rest_url.startswith("https://127.0.0.1:")


def test_a_script_can_be_stopped(tmp_path: Path) -> None:
    """SIGTERM ends a script that waits: exit code 1, for it did not go as written."""
    day = script(tmp_path, {"do": "open_order", "account": "main"}, {"wait_ms": 600_000})
    with started("--directory", str(tmp_path), "--script", day) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("SIMULATED open_order"):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == EXIT_FAILURE


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    command = [sys.executable, "-W", "error", "-c", "import sys; from p2pbot.cli import main; sys.exit(main())"]
    return subprocess.Popen([*command, "sandbox", *arguments], stdout=subprocess.PIPE, text=True)  # noqa: S603 – our own


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """A real process answers over TLS and ends with exit code 0 on SIGTERM."""
    with started("--directory", str(tmp_path)) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("try:"):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        rest_url = next(line.split()[1] for line in lines if line.strip().startswith("REST"))
        context = ssl.create_default_context(cafile=str(tmp_path / "sandbox-ca.pem"))
        with urllib.request.urlopen(rest_url, context=context, timeout=DEADLINE_S) as page:  # noqa: S310 – loopback
            text = page.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
        assert "SIMULATED exchange stopped" in process.stdout.read()
    assert "SIMULATED" in text
    assert all(name in text for name in FAULTS)
