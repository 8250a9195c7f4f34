"""``p2pbot status``: is it running, is it connected, what has it done – from the state directory alone."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.status_file import NAME
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint, columns, print_json, shown, span
from p2pbot.cli.pause import still_silent
from p2pbot.cli.progress import bar
from p2pbot.cli.status_context import context_lines
from p2pbot.cli.status_watch import watch
from p2pbot.config import Settings
from p2pbot.conversation.health import ailments_of
from p2pbot.errors import StateError

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

STALE_MS = 15_000  # the daemon writes every two seconds
_CATCHING_UP = 10  # histories to be read; a few wait at any time, for every order is looked at every five minutes
_MAX_BYTES = 1024 * 1024  # fifty accounts need 50 KiB
_LARGEST = 2**63  # a larger number is no count and no time
_ABOUT = """\
Shows whether the daemon runs, whether each account's chat is connected, what waits, and what it has decided and sent
so far. It reads the state directory alone."""
_MORE = """\
exit codes: 0 it runs and every chat is open, 1 it does not run, is stuck, or a chat is not open,
            78 configuration or state directory"""
_COLOURS = {"open": "green", "stopped": "red"}  # of a chat; on its way from one to the other it is yellow


class Life(StrEnum):
    """What the status file and the process table say of the daemon."""

    RUNNING = "running"
    STUCK = "stuck"
    STOPPED = "stopped"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is shown. ``status`` is the daemon's file as it is, or empty."""

    life: Life
    now_ms: int
    state_dir: Path
    status: Mapping[str, Any] = field(default_factory=dict)
    tally: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    paused: tuple[tuple[str, str], ...] = ()
    trouble: str = ""

    @property
    def accounts(self) -> dict[str, Mapping[str, Any]]:
        """The daemon's accounts by name."""
        found = self.status.get("accounts")
        accounts = found if isinstance(found, dict) else {}
        return {str(name): told for name, told in accounts.items() if isinstance(told, dict)}

    @property
    def healthy(self) -> bool:
        """Whether it runs and works, every chat is open and nothing is wrong with the state."""
        chats = [account.get("chat") for account in self.accounts.values()]
        are_open = bool(chats) and all(chat == "open" for chat in chats)
        return self.life is Life.RUNNING and are_open and not self.trouble and not self.ailments

    @property
    def ailments(self) -> tuple[str, ...]:
        """What is wrong with the running process itself."""
        return ailments_of(self.status) if self.life is Life.RUNNING else ()


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("status", help="is it running, is it connected", description=_ABOUT, epilog=_MORE)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--watch", action="store_true", help="show it every two seconds, until Ctrl-C")
    parser.set_defaults(handler=_status)


def _status(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    if arguments.watch:
        return watch(lambda: _lines(settings, asyncio.run(_look(settings.state_dir, settings.database))))
    report = asyncio.run(_look(settings.state_dir, settings.database))
    if arguments.json:
        print_json(_document(report))
    else:
        print("\n".join(_lines(settings, report)))
    return 0 if report.healthy else 1


def _lines(settings: Settings, report: Report) -> list[str]:
    return [*_page(report), *still_silent(settings, report.paused)]


async def _look(state_dir: Path, database: Path) -> Report:
    status = read_status(state_dir / NAME)
    now_ms = time.time_ns() // 1_000_000
    life = life_of(status, now_ms, lives=pid_lives(_number(status, "pid")))
    try:
        store = await SqliteStore.open_readonly(database)
    except StateError as error:
        return Report(
            life=life,
            now_ms=now_ms,
            state_dir=state_dir,
            status=status,
            trouble="" if life is Life.NEVER else str(error),
        )
    try:
        tally, paused = await store.tally(), await store.paused()
    finally:
        await store.close()
    return Report(life=life, now_ms=now_ms, state_dir=state_dir, status=status, tally=tally, paused=paused)


def read_status(path: Path) -> dict[str, Any]:
    """Return what the daemon's file says; nothing if there is none or it cannot be understood."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def pid_lives(pid: int) -> bool:
    """Whether a process of this number exists; one of another user counts."""
    if pid <= 0:
        return False  # to kill(2) these are groups
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def life_of(status: Mapping[str, Any], now_ms: int, *, lives: bool) -> Life:
    """Return what the age of the status and the process table together mean."""
    if not status:
        return Life.NEVER
    fresh = abs(now_ms - _number(status, "written_at_ms")) <= STALE_MS
    if lives:
        return Life.RUNNING if fresh else Life.STUCK
    return Life.STOPPED


def _page(report: Report) -> Iterator[str]:
    paint = Paint()
    yield _headline(report, paint)
    if report.trouble:
        yield paint("red", shown(report.trouble))
    yield from (paint("red", shown(ailment, 300)) for ailment in report.ailments)
    if report.accounts:
        yield ""
        head = ("account", "mode", "chat", "open orders", "waiting", "in doubt", "last message", "rules")
        yield from columns([head, *(_account(name, told, report, paint) for name, told in report.accounts.items())])
        for name, told in report.accounts.items():
            yield from (paint("yellow", f"  {shown(name, 40)}: {note}") for note in _notes(told, report.now_ms))
            for known, line in context_lines(told, report.now_ms):
                yield paint("green" if known else "yellow", f"  {shown(name, 40)}: {line}")
    yield from _counts(report)


def _headline(report: Report, paint: Paint) -> str:
    age_ms = report.now_ms - _number(report.status, "written_at_ms")
    version = shown(str(report.status.get("version", "")), 20)
    if report.life is Life.RUNNING:
        lasted = span(report.now_ms - _number(report.status, "started_at_ms"))
        return (
            f"p2pbot {version} {paint('green', 'is running')}, for {lasted} (process {_number(report.status, 'pid')})"
        )
    if report.life is Life.STUCK:
        return f"p2pbot {version} {paint('red', 'is stuck')}: it lives, and has written nothing for {span(age_ms)}"
    if report.life is Life.STOPPED:
        elsewhere = " (if it runs in a container, ask inside)" if age_ms <= STALE_MS else ""
        return f"p2pbot {paint('red', 'is not running')}; it was last heard of {span(age_ms)} ago{elsewhere}"
    return f"p2pbot {paint('red', 'is not running')}; it has never run with the state directory {report.state_dir}"


def _account(name: str, told: Mapping[str, Any], report: Report, paint: Paint) -> tuple[str, ...]:
    chat = shown(str(told.get("chat", "?")), 20) if report.life is Life.RUNNING else "-"
    since = _number(told, "since_ms")
    lasted = f" for {span(report.now_ms - since)}" if since and chat != "-" else ""
    last = _number(told, "last_message_at_ms")
    return (
        shown(name, 40),
        shown(str(told.get("mode", "?")), 10),
        paint(_COLOURS.get(chat, "yellow"), chat) + lasted,
        str(_number(told, "open_orders")),
        str(waiting(told)),
        str(_number(told, "unknown")),
        f"{span(report.now_ms - last)} ago" if last else "-",
        shown(str(told.get("rules", ""))[:12]),
    )


def waiting(told: Mapping[str, Any]) -> int:
    """Return how many replies are not settled; the daemon tells a number, or a number for each state."""
    pending = told.get("pending")
    if isinstance(pending, dict):
        return sum(map(_counted, pending.values()))
    return _number(told, "pending")


def _notes(told: Mapping[str, Any], now_ms: int) -> Iterator[str]:
    if told.get("paused") is True:
        yield "paused by a file PAUSE"
    if deaf := _number(told, "deaf_since_ms"):
        yield f"hears nothing for {span(now_ms - deaf)}; the history will be read when it is connected again"
    looks = _number(told, "scans_waiting")
    if looks >= _CATCHING_UP and told.get("chat") == "open":
        orders = max(looks, _number(told, "open_orders"))
        yield f"catching up {bar(orders - looks, orders)} orders looked at"
    notes = told.get("notes")
    yield from (shown(str(note), 300) for note in notes[:20]) if isinstance(notes, list) else ()


def _counts(report: Report) -> Iterator[str]:
    for box, title in (("inbox", "decided"), ("outbox", "replies")):
        words: dict[str, int] = {}
        for (kind, _, word), count in report.tally.items():
            if kind == box:
                words[word] = words.get(word, 0) + count
        if words:
            yield ""
            most = sorted(words.items(), key=lambda item: -item[1])
            yield f"{title}: " + ", ".join(f"{count} {shown(word, 40)}" for word, count in most)


def _number(told: Mapping[str, Any], key: str) -> int:
    """Return a whole number of the status, 0 if it is none."""
    return _counted(told.get(key))


def _counted(value: object) -> int:
    """Return a whole number that can be written out, else 0."""
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if abs(value) <= _LARGEST else 0


def _document(report: Report) -> dict[str, object]:
    tally: dict[str, dict[str, dict[str, int]]] = {}
    for (box, account, word), count in report.tally.items():
        tally.setdefault(account, {}).setdefault(box, {})[word] = count
    return {
        "life": report.life.value,
        "healthy": report.healthy,
        "trouble": report.trouble,
        "status": dict(report.status),
        "tally": tally,
        "paused": [{"account": account, "order_no": order_no} for account, order_no in report.paused],
    }
