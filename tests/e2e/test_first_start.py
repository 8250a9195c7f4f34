"""The way of a new merchant, word by word as the README says: init, check, check --online, shadow, live."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from p2pbot.adapters.clock import SystemClock
from p2pbot.daemon.summary import LOOK_S
from p2pbot.model import Side
from p2pbot.sandbox import OrderSpec, Sandbox, SandboxAccount, SandboxOptions
from tests.e2e.stage import API_KEY, API_SECRET, Script, stage

_DEADLINE_S = 60


@dataclass(frozen=True)
class Shop:
    """A merchant's directory and the command line in it."""

    path: Path

    async def p2pbot(self, *words: str, at: Path | None = None) -> tuple[int, str]:
        """Return the exit code of a command and all that it said."""
        process = await self._started(*words, at=at)
        async with asyncio.timeout(_DEADLINE_S):
            said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the daemon as a process until the block ends, stopped as systemd stops it."""
        process = await self._started("run")
        reading = asyncio.create_task(process.communicate())
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(_DEADLINE_S):
                said, _ = await reading
        assert process.returncode == 0, said.decode()

    async def until_said(self, words: tuple[str, ...], expected: str) -> str:
        """Repeat a command until it says what is expected; return all that it said."""
        said = ""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while not re.search(expected, (said := (await self.p2pbot(*words))[1])):  # noqa: ASYNC110 - a process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"`{' '.join(words)}` never said {expected!r}, but:\n{said}") from None
        return said

    def edit(self, before: str, after: str) -> None:
        """Change the configuration as a person does."""
        config = self.path / "config.yaml"
        text = config.read_text("utf-8")
        assert before in text
        config.write_text(text.replace(before, after, 1), encoding="utf-8")

    async def _started(self, *words: str, at: Path | None = None) -> asyncio.subprocess.Process:
        environ = {key: value for key, value in os.environ.items() if key not in ("P2PBOT_CONFIG", "STATE_DIRECTORY")}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "p2pbot", *words),
            cwd=at or self.path,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def test_from_nothing_to_a_first_answer(tmp_path: Path) -> None:
    """Each step says what the next needs; shadow sends nothing and shows what it would have; live answers."""
    shop = Shop(tmp_path / "shop")
    account = SandboxAccount(name="main", api_key=f"{API_KEY}main", hmac_secret=f"{API_SECRET}main")
    async with Sandbox(SandboxOptions(directory=tmp_path / "exchange", accounts=(account,))) as box:
        code, said = await shop.p2pbot("init", "shop", "--languages", "en", "--packs", "greeting", at=tmp_path)
        assert (code, "p2pbot check --online" in said) == (0, True), said

        code, said = await shop.p2pbot("check")
        assert code == 78, "the keys are not there yet"
        assert "secrets/main.key" in said

        for kind, secret in (("key", account.api_key), ("secret", account.hmac_secret)):
            path = shop.path / "secrets" / f"main.{kind}"
            path.touch(mode=0o600)
            path.write_text(secret)
        code, said = await shop.p2pbot("check")
        assert (code, "All is right" in said) == (0, True), said

        shop.edit("rest_url: https://api.binance.com", f"rest_url: {box.rest_url}")
        shop.edit("#ca_file: sandbox-ca.pem", f"ca_file: {box.ca_file}")
        code, said = await shop.p2pbot("check", "--online")
        assert (code, "main, chat: connected" in said) == (0, True), said

        async with shop.running():
            order = await box.open_order("main", OrderSpec(side=Side.SELL))
            said = await shop.until_said(("why", order), "shadow")
            await shop.until_said(("status",), "main.*shadow.*open")
        assert not box.world.said_by_bot(order)
        assert "greeting" in said

        shop.edit("mode: shadow", "mode: live")
        async with shop.running():
            fresh = await box.open_order("main", OrderSpec(side=Side.SELL))
            await box.wait_for(lambda world: world.said_by_bot(fresh), timeout_s=_DEADLINE_S, what="the greeting")


class Leaping(SystemClock):
    """A clock that can leap ahead, and looks at the time of the summary twenty times a second."""

    ahead_ms = 0

    def now_ms(self) -> int:
        """Return Unix time, and what was leapt."""
        return super().now_ms() + self.ahead_ms

    async def sleep(self, delay_s: float) -> None:
        """Wait, but not long for the summary."""
        await super().sleep(0.05 if delay_s == LOOK_S else delay_s)


async def test_shadow_mode_tells_at_its_time_what_it_would_have_sent(tmp_path: Path) -> None:
    """The day's summary counts answers by rule, and messages that no rule took; nothing was sent."""
    clock = Leaping()
    due_ms = (clock.now_ms() // 60_000 + 5) * 60_000
    at = f"{due_ms // 3_600_000 % 24:02}:{due_ms // 60_000 % 60:02}"
    async with stage(tmp_path, Script(mode="shadow")) as scene:
        scene.config.write_text(f'{scene.config.read_text()}notifications: {{summary_at: "{at}"}}\n')
        async with scene.daemon(clock):
            await scene.until_open()
            order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            for text in ("I paid", "what a day"):
                await scene.box.say(order, text)
            await scene.until_settled(order, lambda entries, _: len({entry.reason for entry in entries}) >= 2)
            assert "Shadow mode:" not in scene.log.getvalue()
            clock.ahead_ms = due_ms - clock.now_ms()
            await scene.until(lambda: "Shadow mode:" in scene.log.getvalue(), "the summary")
        assert scene.bot_texts(order) == []
    told = (
        "Shadow mode: in the last day p2pbot would have answered 2 times in 1 order, by greeting (1), paid-claim (1)."
    )
    assert f"{told} 1 message met no rule. Nothing of it was sent." in scene.log.getvalue()
