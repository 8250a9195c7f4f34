"""``p2pbot demo`` as a person meets it: a real process, scripted, piped, and at a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from p2pbot.cli import EXIT_CONFIG, EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_USAGE, main
from p2pbot.cli.demo_balance import add_balance_rules
from p2pbot.cli.demo_picture import add_picture_rule
from p2pbot.cli.starter import starter_rules

DEADLINE_S = 90.0
DEMO = (sys.executable, "-W", "error", "-m", "p2pbot", "demo")


async def start(place: Path, *arguments: str, stdin: int = DEVNULL, stderr: int = STDOUT) -> Process:
    """Start the demo with its temporary directories in ``place``."""
    environ = {**os.environ, "TMPDIR": str(place), "PYTHONIOENCODING": "utf-8"}
    return await asyncio.create_subprocess_exec(*DEMO, *arguments, stdin=stdin, stdout=PIPE, stderr=stderr, env=environ)


async def run(place: Path, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run the demo to its end; return the exit code and all that it printed."""
    process = await start(place, *arguments, stdin=PIPE)
    async with ended(process), asyncio.timeout(DEADLINE_S):
        told, _ = await process.communicate(typed.encode())
    return process.returncode or 0, told.decode()


@asynccontextmanager
async def ended(process: Process) -> AsyncIterator[None]:
    """Leave no process behind, whatever the test finds."""
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_told(process: Process, word: str) -> None:
    """Read the process's lines until one holds ``word``."""
    assert process.stdout is not None
    while word not in (line := (await process.stdout.readline()).decode()):
        assert line, f"the demo ended without {word!r}"


def quick_rules(place: Path, *, without: str = "") -> Path:
    """Copy the starter rules without their delays, and without one rule."""
    copy = place / "rules"
    copy.mkdir()
    for path in starter_rules().glob("*.yaml"):
        text = re.sub(r"^    delay: .*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
        if without:
            text = re.sub(rf"^  - id: {without}\n(?:(?!  - id:).*\n)*", "", text, flags=re.MULTILINE)
        (copy / path.name).write_text(text, "utf-8")
    add_picture_rule(copy)
    add_balance_rules(copy)
    return copy


def leftovers(place: Path) -> list[Path]:
    """Return what the demo left in the place for temporary things."""
    return list(place.glob("p2pbot-demo-*"))


async def test_the_script_succeeds_with_the_starter_rules_and_shows_no_secret(tmp_path: Path) -> None:
    """Exit code 0, the table and its sum, plain text, and no key or token of the run anywhere in it."""
    kept = tmp_path / "kept"
    code, told = await run(tmp_path, "--script", "--keep", str(kept))
    assert code == 0, told
    assert "SIMULATED" in told
    assert re.search(r"^what happened +expected +arrived$", told, re.MULTILINE)
    replies = re.search(r"^(\d+) of (\d+) expected replies arrived exactly once", told, re.MULTILINE)
    assert replies is not None
    assert replies[1] == replies[2]
    assert int(replies[1]) > 15
    assert "FAILED" not in told
    assert "\x1b" not in told
    for name in ("api_key", "api_secret", "exchange/control.token"):
        secret = (kept / name).read_text("utf-8").strip()
        assert secret not in told
        assert secret not in (kept / "daemon.log").read_text("utf-8")


async def test_the_script_fails_when_a_rule_is_missing_and_names_the_steps(tmp_path: Path) -> None:
    """Without the paid-claim rule the exit code is 1, the steps that wanted it are named, the others went well."""
    code, told = await run(tmp_path, "--script", "--rules", str(quick_rules(tmp_path, without="paid-claim")))
    assert code == EXIT_FAILURE
    assert "they say that they paid – expected: paid-claim\n" in told
    assert "FAILED: not answered: no_rule" in told
    assert re.search(r"^  they ask how to pay +how-to-pay +exactly once$", told, re.MULTILINE)
    assert re.search(r"^  they say that they paid +paid-claim in zh +FAILED: silence: no_rule$", told, re.MULTILINE)
    assert leftovers(tmp_path) == []


async def test_a_piped_session_is_worked_off_line_by_line(tmp_path: Path) -> None:
    """Each line is settled before the next, so that /why explains the message before it."""
    rules = quick_rules(tmp_path)
    typed = "how do i pay?\n/why\n/pay\n/paid\n/paid\n/order side=buy amount=5\n/quit\nnever said\n"
    code, told = await run(tmp_path, "--rules", str(rules), typed=typed)
    assert code == 0
    steps = (
        r"exchange +the order is UNPAID",
        r"→ +greeting speaks, for the event order_created",
        r"p2pbot +Hello",
        r"✓ +sent: the chat showed it \(greeting\)",
        r"customer +how do i pay\?",
        r"→ +how-to-pay speaks, for it has how do i pay, side sell, order_status unpaid \(20-how-to-pay.yaml",
        r"p2pbot +The payment details",
        r"✓ +sent",
        r"«how do i pay\?» · answered",
        r"how-to-pay +spoke, for it has how do i pay",
        r"there is no command /pay;",
        r"the order is PAID",
        r"p2pbot +Thank you, we see",
        r"that is not possible while the order is paid",
        r"we BUY 5 USDT",
        r"· +on order_created, no rule wanted to answer \(greeting: no – when.side: wanted sell, is buy\)",
        r"stopped$",
    )
    assert re.search(".*?".join(steps), told, re.DOTALL), told
    assert "never said" not in told
    assert leftovers(tmp_path) == []


async def test_every_command_does_something_visible(tmp_path: Path) -> None:
    """A picture, a person of ours, a cut connection, an appeal and a cancellation are shown with their effect."""
    typed = "/image\n/drop\n/operator I am here\nhello?\n/order\n/paid\n/appeal\nhello?\n/order\n/cancel\n/help\n"
    code, told = await run(tmp_path, "--rules", str(quick_rules(tmp_path)), typed=typed)
    assert code == 0
    steps = (
        r"customer +\[image \d+ × \d+\]",
        r"picture-unpaid speaks",
        r"connection was cut",
        r"our person +I am here",
        r"a person has taken the order over",
        r"the order is PAID",
        r"the order is IN APPEAL",
        r"the order is in appeal; p2pbot never speaks there",
        r"the order is CANCELLED",
        r"cancelled speaks, for the event order_cancelled",
        r"/operator TEXT",
    )
    assert re.search(".*?".join(steps), told, re.DOTALL), told


async def test_a_reader_that_goes_away_ends_it_without_noise(tmp_path: Path) -> None:
    """``p2pbot demo | head -1`` is nobody's bug."""
    process = await start(tmp_path, stdin=PIPE, stderr=PIPE)
    async with ended(process), asyncio.timeout(DEADLINE_S):
        await until_told(process, "the order is UNPAID")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout._transport.close()  # type: ignore[attr-defined]  # a reader has no other way to go away
        told = await process.stderr.read()
        assert await process.wait() == EXIT_FAILURE
    assert told == b""
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("arguments", [(), ("--script",)])
async def test_a_signal_ends_it_cleanly(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """SIGINT settles, closes and removes everything; a script that was not played to its end is no success."""
    process = await start(tmp_path, *arguments, stdin=PIPE)
    async with ended(process), asyncio.timeout(DEADLINE_S):
        await until_told(process, "the order is UNPAID")
        process.send_signal(signal.SIGINT)
        told, _ = await process.communicate()
    assert process.returncode == (EXIT_INTERRUPTED if arguments else 0), told.decode()
    assert told.decode().endswith("stopped\n")
    assert "Traceback" not in told.decode()
    assert leftovers(tmp_path) == []


async def test_at_a_terminal_it_has_colours_and_a_prompt_and_gives_the_terminal_back(tmp_path: Path) -> None:
    """What is typed stands behind the prompt, Enter says it, Ctrl-C ends; the terminal is as it was."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    try:
        before = termios.tcgetattr(theirs)
        process = await at_terminal(theirs, tmp_path, "--rules", str(quick_rules(tmp_path)))
        async with ended(process), asyncio.timeout(DEADLINE_S):
            screen = await seen(ours, "✓")
            os.write(ours, b"I PAIDD\x7f!")
            screen += await seen(ours, "I PAID!")
            os.write(ours, b"\r")
            screen += await seen(ours, "paid-claim speaks")
            os.write(ours, b"\x03")
            screen += await seen(ours, "stopped")
            assert await process.wait() == 0
        assert "\x1b[1myou> " in screen
        assert "\x1b[32mp2pbot" in screen
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


async def at_terminal(terminal: int, place: Path, *arguments: str) -> Process:
    """Start the demo with ``terminal`` as its own, so that Ctrl-C typed there is its SIGINT."""
    adopt = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    environ = {**os.environ, "TMPDIR": str(place), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    environ.pop("NO_COLOR", None)
    command = (sys.executable, "-c", adopt, *DEMO, *arguments)
    return await asyncio.create_subprocess_exec(
        *command, stdin=terminal, stdout=terminal, stderr=terminal, env=environ, start_new_session=True
    )


async def seen(terminal: int, word: str) -> str:
    """Read what the terminal shows until ``word`` is there."""
    loop, shown = asyncio.get_running_loop(), b""
    while word.encode() not in shown:
        ready = asyncio.Event()
        loop.add_reader(terminal, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(terminal)
        shown += os.read(terminal, 4096)
    return shown.decode(errors="replace")


def test_rules_with_errors_are_refused_with_their_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78 and the finding with its place; nothing was played."""
    (tmp_path / "a.yaml").write_text("version: 1\nrules:\n  - {id: a, wrods: [x], reply: y}\n")
    assert main(["demo", "--script", "--rules", str(tmp_path)]) == EXIT_CONFIG
    told = capsys.readouterr()
    assert "a.yaml:3:13: unknown key `wrods`; did you mean `words`?" in told.err
    assert "customer" not in told.out


def test_rules_that_are_not_there_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78 before anything is started."""
    assert main(["demo", "--rules", str(tmp_path / "none")]) == EXIT_CONFIG
    assert "there are no rules at" in capsys.readouterr().err


def test_a_directory_in_use_is_not_kept_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--keep`` wants a new or empty directory: nobody's files are mixed with the demo's."""
    (tmp_path / "mine").write_text("")
    assert main(["demo", "--keep", str(tmp_path)]) == EXIT_USAGE
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
