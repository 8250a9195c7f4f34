"""What people and the outside world do in a run: each deed by name, skipped where the world does not allow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from p2pbot.errors import IllegalTransition
from p2pbot.model import Side
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.life import Turn
from p2pbot.sandbox.options import OrderSpec
from p2pbot.sandbox.records import Speaker
from tests.sim.host import Host
from tests.sim.intruder import Intruder
from tests.sim.talk import MACHINE_NUMBER, TYPED_KINDS, Form, Ledger, Said
from tests.sim.universe import Universe
from tests.sim.weather import Window
from tests.sim.wire import SimConnection

_MACHINE = ("kill", "stop", "suspend", "clock")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do at a time of the world. ``order`` counts the run's orders."""

    at_s: float
    name: str
    order: int = 0
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.at_s:9.2f} {self.name} #{self.order} {self.values}"


class Deeds:
    """Does them."""

    def __init__(self, universe: Universe, host: Host, ledger: Ledger) -> None:
        self._universe = universe
        self._host = host
        self._ledger = ledger
        self._numbers: dict[int, str] = {}
        self._said = 0
        self._intruder = Intruder(universe)

    def do(self, deed: Deed) -> None:
        """Do one deed. Faults that were planned for later than the faults' end are left out."""
        if deed.name in _MACHINE and self._universe.timeline.frozen:
            return  # a machine that sleeps is not killed, stopped or put to sleep
        self._universe.trace.say(f"deed {deed.name} #{deed.order} {deed.values}")
        getattr(self, f"_do_{deed.name}")(deed)

    # ---- orders ----

    def _account_of(self, deed: Deed) -> str:
        return self._universe.names[deed.order % len(self._universe.names)]

    def _do_open(self, deed: Deed) -> None:
        account, side = self._account_of(deed), Side(deed.values["side"])
        auto_reply = f"question {MACHINE_NUMBER}" if deed.values["auto_reply"] else ""
        given = {name: deed.values[name] for name in ("kyc", "age_ms", "fiat")}
        spec = OrderSpec(side=side, auto_reply=auto_reply, **given)
        number = self._universe.do(lambda now_ms: self._universe.world.open_order(account, spec, now_ms))
        self._numbers[deed.order] = number
        self._ledger.sides[number] = side
        self._ledger.fiats[number] = spec.fiat

    def _do_turn(self, deed: Deed) -> None:
        order_no, turn = self._numbers[deed.order], Turn(deed.values["turn"])
        try:
            self._universe.do(lambda now_ms: self._universe.world.turn(order_no, turn, now_ms))
        except IllegalTransition:
            return
        self._ledger.turns[order_no].append((self._universe.timeline.now_s, turn))

    # ---- talk ----

    def _do_say(self, deed: Deed) -> None:
        order_no, form = self._numbers[deed.order], Form(deed.values["form"])
        self._said += 1
        speak = self._speaker(order_no, form)
        message_id = self._universe.do(speak)
        line = next(one for one in self._universe.world.chat(order_no) if one.message_id == message_id)
        said = Said(
            order_no, self._account_of(deed), form, self._said, message_id, self._universe.timeline.now_s, line.at_ms
        )
        self._ledger.said.append(said)

    def _speaker(self, order_no: str, form: Form) -> Callable[[int], int]:
        world, number = self._universe.world, self._said
        kind = form.value if form in TYPED_KINDS else "text"
        text = {
            Form.DOUBLE: f"double {number}",
            Form.HELLO: "hello",
            Form.HUMAN: "a human please",
            Form.CHATTER: f"well {number}",
            Form.QUOTE: self._newest_text(order_no),
        }.get(form, f"question {number}")
        if form is Form.IMAGE:
            return lambda now_ms: world.send_image(order_no, now_ms)
        if form is Form.OPERATOR:
            return lambda now_ms: world.operator_says(order_no, text, now_ms)
        return lambda now_ms: world.say(order_no, text, now_ms, kind=kind)

    def _newest_text(self, order_no: str) -> str:
        mine = [line.text for line in self._universe.world.chat(order_no) if line.by is Speaker.BOT]
        return mine[-1] if mine else "nothing to quote"

    def _do_recall(self, deed: Deed) -> None:
        order_no = self._numbers[deed.order]
        own = [said for said in self._ledger.said if said.order_no == order_no and said.form is not Form.OPERATOR]
        if own and not own[-1].recalled:
            own[-1].recalled = True
            self._universe.do(lambda now_ms: self._universe.world.recall(order_no, own[-1].message_id, now_ms))

    def _do_read(self, deed: Deed) -> None:
        order_no, by_us = self._numbers[deed.order], bool(deed.values["by_us"])
        self._universe.do(lambda now_ms: self._universe.world.read(order_no, now_ms, by_us=by_us))

    def _do_system(self, deed: Deed) -> None:
        order_no, event = self._numbers[deed.order], str(deed.values["event"])
        self._universe.do(lambda now_ms: self._universe.world.system(order_no, event, now_ms))

    # ---- the exchange ----

    def _do_fault(self, deed: Deed) -> None:
        fault = Fault(**deed.values)
        self._universe.do(lambda now_ms: self._universe.world.inject(fault, now_ms))
        if fault.name.startswith(("rest_", "key_")):
            self._trouble((fault.duration_ms or 0) / 1000)

    def _do_intruder(self, deed: Deed) -> None:
        self._intruder.come(self._account_of(deed), int(deed.values["times"]), float(deed.values["every_s"]))

    def _trouble(self, for_s: float) -> None:
        now_s = self._universe.timeline.now_s
        self._ledger.troubles.append((now_s, now_s + for_s))

    # ---- the network ----

    def _do_blackout(self, deed: Deed) -> None:
        self._universe.weather.dark_until_s = self._universe.timeline.now_s + deed.values["for_s"]
        self._trouble(deed.values["for_s"])

    def _do_slow(self, deed: Deed) -> None:
        self._universe.weather.slow_until_s = self._universe.timeline.now_s + deed.values["for_s"]

    def _do_calls_lost(self, deed: Deed) -> None:
        until_s = self._universe.timeline.now_s + deed.values["for_s"]
        self._universe.weather.calls = Window(until_s, deed.values["probability"])
        self._trouble(deed.values["for_s"])

    def _connections(self) -> list[SimConnection]:
        ends = list(self._universe.ends.values())
        return [end for end in ends if isinstance(end, SimConnection) and end.is_open]

    def _do_break(self, _: Deed) -> None:
        for connection in self._connections():
            connection.break_line()

    def _do_half_open(self, _: Deed) -> None:
        for connection in self._connections():
            connection.go_dead()

    # ---- the machine ----

    def _do_kill(self, deed: Deed) -> None:
        if deed.values["point"]:
            if self._host.life is not None:
                self._host.life.arm(deed.values["point"], deed.values["after"], deed.values.get("freeze_s", 0.0))
        else:
            self._host.kill()

    def _do_stop(self, _: Deed) -> None:
        self._host.stop()

    def _do_suspend(self, deed: Deed) -> None:
        for_s = min(deed.values["for_s"], self._universe.climate.span_s - self._universe.timeline.now_s)
        if for_s > 20:
            for connection in self._connections():
                connection.go_dead()
        self._trouble(for_s)
        self._universe.timeline.suspend(for_s)

    def _do_clock(self, deed: Deed) -> None:
        self._host.machine.wall_error_ms += deed.values["by_ms"]

    def _do_slow_disk(self, deed: Deed) -> None:
        self._host.plate.slow_until_s = self._universe.timeline.now_s + deed.values["for_s"]

    def _do_full_disk(self, deed: Deed) -> None:
        self._host.plate.full_until_s = self._universe.timeline.now_s + deed.values["for_s"]
        self._trouble(deed.values["for_s"])

    # ---- the operator ----

    def _do_pause(self, deed: Deed) -> None:
        account, order_no = self._account_of(deed), self._numbers[deed.order]
        self._ledger.pauses.append((self._universe.timeline.now_s, account if deed.values["all"] else order_no))
        if deed.values["all"]:
            self._host.machine.braked.add(account)
        else:
            self._host.plate.disk.pauses.add((account, order_no))

    def _do_resume(self, _: Deed) -> None:
        self._host.machine.braked.clear()
        self._host.plate.disk.pauses.clear()

    # ---- the end of all faults ----

    def _do_calm(self, _: Deed) -> None:
        self._universe.world.clear_faults()
        self._universe.weather.heal()
        self._intruder.go()
        self._host.machine.braked.clear()
        self._host.plate.disk.pauses.clear()
        self._host.plate.slow_until_s = self._host.plate.full_until_s = 0.0
        if self._host.life is not None:
            self._host.life.disarm()
        self._ledger.faults_ended_s = self._universe.timeline.now_s
