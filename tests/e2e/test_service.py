"""A whole daemon under a supervisor that listens on a real notification socket."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from p2pbot.adapters.logs import make_log
from p2pbot.app import App
from p2pbot.config import load_settings
from tests.e2e.stage import Script, stage


async def test_the_daemon_tells_its_life_to_systemd(tmp_path: Path) -> None:
    """Ready once it has started, its chats in the status, fed while it lives, stopping at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(0)
        words: list[str] = []
        async with stage(tmp_path) as scene:
            environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
            app = App(load_settings(scene.config, {}), environ=environ, log=make_log(scene.log, output="json"))
            task = asyncio.create_task(app.run())
            async with asyncio.timeout(20):
                while "STATUS=main: chat open" not in words:
                    words.append((await asyncio.get_running_loop().sock_recv(ear, 4096)).decode())
            app.stop()
            assert await task == 0
            while "STOPPING=1" not in words:
                words.append(ear.recv(4096).decode())
    assert words.count("READY=1") == 1
    assert "WATCHDOG=1" in words


async def test_without_systemd_somebody_else_is_fed(tmp_path: Path) -> None:
    """Where nobody waits on a notification socket, whoever started the daemon hears each second that all is well."""
    fed: list[None] = []
    async with stage(tmp_path) as scene:
        settings, log = load_settings(scene.config, {}), make_log(scene.log, output="json")
        app = App(settings, environ={}, log=log, feed=lambda: fed.append(None))
        task = asyncio.create_task(app.run())
        await scene.until(lambda: len(fed) > 1, "it is fed")
        app.stop()
        assert await task == 0


async def test_every_root_loop_gives_its_word(tmp_path: Path) -> None:
    """What may hang is watched: each loop of each account and of the process, the socket's reader and the workers."""
    async with stage(tmp_path, Script(accounts=("main", "shop"))) as scene, scene.daemon() as app:
        await scene.until_open("main")
        await scene.until_open("shop")
        own = ("chat", "chat reader", "desk", "scans", "scan worker 3", "orders", "sender", "pictures", "timers")
        expected = {"status", "housekeeping", "rules of main", "rules of shop", "account main", "account shop"}
        expected |= {f"{account}: {loop}" for account in ("main", "shop") for loop in own}
        await scene.until(lambda: expected <= set(app.progress.loops()), "each loop has begun")
        await scene.until(
            lambda: endless() - set(app.progress.loops()) == {"watchdog"}, "and no loop is without a word"
        )
        assert app.progress.hung() == ()


def endless() -> set[str]:
    """Return the names of the tasks that must never return."""
    return {task.get_name() for task in asyncio.all_tasks() if "guarded" in repr(task.get_coro())}
