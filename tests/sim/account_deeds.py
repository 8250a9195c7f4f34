"""Carries out what is planned for an account: at the exchange, in the network, on the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from p2pbot.protocol.user_data_events import Source
from p2pbot.sandbox import Fault, streams
from p2pbot.sandbox.links import Source as Kind
from tests.sim.account_plan import Deed, Planned

if TYPE_CHECKING:
    from tests.sim.account_run import AccountRun

_NAME = "main"
_EVENTS_OF_A_FLOOD = 4_000


class Deeds:
    """Carries the plan out."""

    def __init__(self, run: AccountRun) -> None:
        self._run = run
        self._table: dict[Deed, Callable[[float], None]] = {
            Deed.TRADE: self._trade,
            Deed.FLOOD: self._flood,
            Deed.FOREIGN: self._foreign,
            Deed.KEY_EXPIRES: lambda much: self._end_key(much, silently=False),
            Deed.KEY_DIES: lambda much: self._end_key(much, silently=True),
            Deed.KEY_REPLACED: self._replace_key,
            Deed.REVOKED: self._revoke,
            Deed.RESET: lambda _: self._now(run.universe.world.context.cut_links),
            Deed.SILENCE: self._silence,
            Deed.SHUTDOWN: lambda _: self._now(run.universe.world.context.shut_down),
            Deed.REFUSED_LINKS: lambda much: self._fault("link_status", 600 * much, status=503),
            Deed.SLOW_DOWN: lambda much: self._fault("link_status", 60 * much, status=429, retry_after_s=60),
            Deed.ACCEPT_AND_CUT: self._accept_and_cut,
            Deed.LOST_ANSWERS: lambda much: self._fault("ws_api_lost", 600 * much),
            Deed.OVERLOADED: lambda much: self._fault("ws_api_error", 300 * much, status=503, code=-1008),
            Deed.PAGES: lambda much: self._fault("ws_api_html", 300 * much),
            Deed.REST_TROUBLE: lambda much: self._fault("rest_5xx", 900 * much),
            Deed.CLOCK_LEAPS: self._leap,
            Deed.EXCHANGE_CLOCK: lambda much: self._fault(
                "clock_skew", 7_200 * much, skew_ms=int(20_000 * (much - 0.5))
            ),
            Deed.SUSPEND: lambda much: run.universe.timeline.suspend(60 + 3 * 3600 * much),
        }

    def do(self, planned: Planned) -> None:
        """Do it now."""
        if not self._run.universe.timeline.frozen or planned.deed is Deed.TRADE:
            self._table[planned.deed](planned.much)

    def _now(self, deed: Callable[[int], object]) -> None:
        self._run.universe.do(deed)

    def _trade(self, much: float) -> None:
        self._run.change(Source.FUTURES)
        if much < 0.5:
            self._run.change(Source.SPOT)

    def _flood(self, much: float) -> None:
        for _ in range(int(_EVENTS_OF_A_FLOOD * much)):
            self._run.change(Source.FUTURES)

    def _foreign(self, much: float) -> None:
        name = "event_twice" if much < 0.5 else "event_noise"
        self._fault(name, 1800, trouble=False)
        event = {"e": "SIMULATED_NEWS", "x": [1, {"y": None}]}
        context = self._run.universe.world.context
        self._now(lambda at: context.user_event(_NAME, Kind.FUTURES, event, at))

    def _end_key(self, much: float, *, silently: bool) -> None:
        kind = Kind.SPOT if self._run.legacy and much < 0.5 else Kind.FUTURES
        context = self._run.universe.world.context
        self._now(lambda at: context.expire_listen_key(_NAME, kind, at, silently=silently))

    def _replace_key(self, much: float) -> None:
        self._end_key(1.0, silently=much < 0.5)
        inside = self._run.universe.world.context.inside
        self._now(lambda at: streams.start_key(inside, _NAME, Kind.FUTURES, at))

    def _revoke(self, much: float) -> None:
        for_s = 60 + 7_200 * much
        self._run.listening.refused(for_s)
        context, timeline = self._run.universe.world.context, self._run.universe.timeline
        self._now(lambda _: context.set_key_valid(_NAME, valid=False))
        timeline.after(for_s, lambda: self._now(lambda _: context.set_key_valid(_NAME, valid=True)))

    def _silence(self, much: float) -> None:
        for_s = 5 + 900 * much
        self._run.listening.troubled(for_s)
        self._run.wire.go_silent(for_s)

    def _accept_and_cut(self, much: float) -> None:
        for_s = 30 + 900 * much
        self._run.listening.troubled(for_s)
        self._run.wire.hostile_until_s = self._run.universe.timeline.now_s + for_s
        self._now(self._run.universe.world.context.cut_links)

    def _leap(self, much: float) -> None:
        self._run.machine.wall_error_ms = int(7_200_000 * (much - 0.5))

    def _fault(self, name: str, for_s: float, *, trouble: bool = True, **parameters: int) -> None:
        for_s += 1
        if trouble:
            self._run.listening.troubled(for_s)
        fault = Fault(name, account=None, duration_ms=int(for_s * 1000), **cast("dict[str, Any]", parameters))
        self._now(lambda at: self._run.universe.world.inject(fault, at))
