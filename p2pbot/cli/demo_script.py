"""``p2pbot demo --script``: counterparties who play the main job, its troubles too, and check every reply.

Promise: each step waits for its outcome, never for a time; a step that goes wrong is named, and the others are played
all the same. Exit code 0 means: every expected reply arrived exactly once, and nothing else was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from p2pbot.cli.demo_judge import Arrival, Reply, arrival, audit, bot_lines, failures
from p2pbot.cli.demo_screen import Screen
from p2pbot.cli.demo_show import order_title
from p2pbot.cli.demo_stage import ACCOUNT, OrderView, Stage
from p2pbot.cli.demo_steps import CHAPTERS, Chapter, Step
from p2pbot.cli.demo_typing import CUSTOMER
from p2pbot.cli.demo_view import Teller
from p2pbot.cli.output import columns
from p2pbot.sandbox import OrderSpec, Outcome

_OPEN_S = 10.0
_STEP_S = 20.0  # a reply that is lost once takes eight seconds; the rest is for a busy machine


@dataclass(frozen=True, slots=True)
class Result:
    """A step, what came of it, and what was wrong with that."""

    step: Step
    came: Arrival
    wrong: tuple[str, ...]


class Section:
    """One chapter's part of the screen. Chapters are played at once and shown one after the other."""

    def __init__(self) -> None:
        self._live = False
        self._held: list[Callable[[], None]] = []  # a chapter's few dozen lines

    def show(self, act: Callable[[], None]) -> None:
        """Show now, or when it is this chapter's turn."""
        if self._live:
            act()
        else:
            self._held.append(act)

    def begin(self) -> None:
        """Show what was held back, and from now on everything at once."""
        self._live = True
        for act in self._held:
            act()
        self._held.clear()


class Scene:
    """One chapter on the stage: its order, its results, and the uuids of the bot's lines that were judged."""

    def __init__(self, chapter: Chapter, stage: Stage, screen: Screen) -> None:
        self.chapter = chapter
        self.number = ""
        self.section = Section()
        self.results: list[Result] = []
        self.judged: frozenset[str] = frozenset()
        self._stage = stage
        self._screen = screen
        self._teller = Teller()

    async def play(self) -> None:
        """Open the order and play the steps."""
        spec = OrderSpec(side=self.chapter.side, counterparty=CUSTOMER)
        self.number = await self._stage.open_order(spec)
        self._say("")
        self._say(self._screen.paint("bold", f"── {self.chapter.about} ──"))
        self._say(order_title(self.number, spec))
        for step in self.chapter.steps:
            await self._play(step)

    async def tell(self) -> OrderView:
        """Tell what is new in the order, and return it."""
        view = await self._stage.look(self.number)
        lines = self._teller.news(view, self._stage.account.rules())
        self.section.show(lambda: self._screen.tell(lines))
        return view

    async def _play(self, step: Step) -> None:
        self._say(f"{self._screen.paint('bold', step.about)} – expected: {step.expected}")
        key = await step.act(self._stage, self.number)

        async def is_settled() -> bool:
            view = await self.tell()
            return self._stage.online and view.decided(key) is not None and view.settled

        await self._stage.until(is_settled, _STEP_S)
        view = await self.tell()
        came = arrival(view, key, self.judged)
        result = Result(step, came, failures(step.expected, came))
        self.results.append(result)
        self.judged |= {line.uuid for line in bot_lines(view)}
        if result.wrong:
            self._say(self._screen.paint("red", f"  FAILED: {'; '.join(result.wrong)}"))
        else:
            self._say(self._screen.paint("green", f"  as expected: {came}"))

    def _say(self, text: str) -> None:
        self.section.show(lambda: self._screen.say(text))


@dataclass(slots=True)
class Play:
    """The whole script on a stage."""

    stage: Stage
    screen: Screen
    _scenes: list[Scene] = field(default_factory=list)

    async def run(self, chapters: tuple[Chapter, ...] = CHAPTERS) -> int:
        """Play the chapters, show the table, return the exit code."""
        await self.stage.until_open(_OPEN_S)
        await self._together([chapter for chapter in chapters if not chapter.alone])
        for chapter in chapters:
            if chapter.alone:
                await self._together([chapter])
        wrong = await self._audit()
        results = [result for scene in self._scenes for result in scene.results]
        self._summary(results, wrong)
        return 1 if wrong or any(result.wrong for result in results) else 0

    async def _together(self, chapters: Iterable[Chapter]) -> None:
        scenes = [Scene(chapter, self.stage, self.screen) for chapter in chapters]
        self._scenes += scenes
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play(), name=scene.chapter.about) for scene in scenes]
            for scene, task in zip(scenes, tasks, strict=True):
                scene.section.begin()
                await task

    async def _audit(self) -> tuple[str, ...]:
        """Look at everything once more when the daemon has nothing left to do."""

        async def is_quiet() -> bool:
            account = self.stage.account
            return not (sum(account.pending().values()) or account.desk.waiting or account.scans.waiting)

        await self.stage.until(is_quiet, _STEP_S)
        views = [await scene.tell() for scene in self._scenes]
        judged = {scene.number: scene.judged for scene in self._scenes}
        return audit(views, judged, self.stage.box.world.received(ACCOUNT))

    def _summary(self, results: list[Result], wrong: tuple[str, ...]) -> None:
        paint, say = self.screen.paint, self.screen.say
        say()
        for row in columns([("what happened", "expected", "arrived"), *self._table()]):
            say(row)
        say()
        replies = [result for result in results if isinstance(result.step.expected, Reply)]
        right = sum(not result.wrong for result in replies)
        went = sum(not result.wrong for result in results)
        say(f"{right} of {len(replies)} expected replies arrived exactly once.")
        say(f"{went} of {len(results)} steps went as expected.")
        received = self.stage.box.world.received(ACCOUNT)
        lost = sum(frame.outcome is Outcome.SWALLOWED for frame in received)
        say(f"p2pbot wrote {len(received)} frames to the SIMULATED exchange, which lost {lost} of them.")
        for fault in wrong:
            say(paint("red", f"FAILED: {fault}"))

    def _table(self) -> Iterator[tuple[str, str, str]]:
        paint = self.screen.paint
        for scene in self._scenes:
            yield paint("bold", scene.chapter.about), "", ""
            for result in scene.results:
                good = paint("green", "exactly once" if isinstance(result.step.expected, Reply) else "nothing")
                arrived = paint("red", f"FAILED: {result.came}") if result.wrong else good
                yield f"  {result.step.about}", str(result.step.expected), arrived
