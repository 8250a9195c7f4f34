"""A seed's schedule: who says what when, what breaks when.

Promise: the faults end at ``span_s``; what takes the daemon long to believe again (a refused key, another client) is
kept so short that its longest pause fits into the ten minutes that the daemon has afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from p2pbot.sandbox.life import Turn
from tests.sim.climate import Climate
from tests.sim.deeds import Deed
from tests.sim.talk import GREETED_FIAT, Form

_FORMS = (
    *(Form.QUESTION,) * 10,
    *(Form.DOUBLE,) * 2,
    *(Form.IMAGE,) * 3,
    Form.HELLO,
    Form.CHATTER,
    Form.QUOTE,
    Form.AUTO_REPLY,
    Form.CARD,
    Form.VIDEO,
    Form.TRANSLATE,
    Form.MARK,
)
_SYSTEM = ("nlp_simulated_warning", "order_about_timeout", "simulated_unknown_event", "risk_alert")
_LIVES: tuple[tuple[Turn, ...], ...] = (
    (),
    (),
    (Turn.PAY,),
    (Turn.PAY, Turn.RELEASE),
    (Turn.PAY, Turn.RELEASE),
    (Turn.PAY, Turn.APPEAL),
    (Turn.PAY, Turn.APPEAL, Turn.CLOSE_APPEAL),
    (Turn.CANCEL,),
    (Turn.CANCEL_BY_SYSTEM,),
    (Turn.CANCEL_BY_SYSTEM, Turn.RESTORE),
)
_POINTS = (
    "store.claim.queued",
    "store.claim.committed",
    "store.claim.acknowledged",
    "store.advance.queued",
    "store.advance.committed",
    "store.advance.acknowledged",
    "store.remember.committed",
    "store.",
    "wire.send",
    "wire.sent",
    "wire.connect",
    "rest.call",
    "rest.answered",
    "",
)

_UPLOAD_POINTS = ("upload.put", "upload.answered", "store.presigning.queued", "store.presigning.committed")


def schedule(climate: Climate) -> list[Deed]:
    """Return what will happen, in the order of time."""
    rng = random.Random(f"plan {climate.seed}")  # noqa: S311 - a repeatable world, not a secret
    deeds = [deed for order in range(climate.orders) for deed in _order(rng, climate, order)]
    deeds += _faults(rng, climate)
    deeds.append(Deed(climate.span_s, "calm"))
    deeds += [
        Deed(climate.span_s + rng.uniform(0.5, 5.0), "say", order, {"form": "question"})
        for order in range(climate.orders)
    ]
    if climate.pictures:
        aim = random.Random(f"uploads {climate.seed}")  # noqa: S311 - as above; the other worlds keep their dice
        deeds = [_at_an_upload(deed, aim) if deed.name == "kill" else deed for deed in deeds]
    return sorted(deeds, key=lambda deed: deed.at_s)


def _at_an_upload(kill: Deed, aim: random.Random) -> Deed:
    """Return the kill, now and then on a picture's way."""
    point = aim.choice((kill.values["point"], *_UPLOAD_POINTS))
    return replace(kill, values=kill.values | {"point": point})


def _order(rng: random.Random, climate: Climate, order: int) -> Iterator[Deed]:
    """Yield an order's life and talk."""
    born_s = rng.choice((0.0, rng.uniform(0.0, climate.span_s * 0.6)))
    opening = {
        "side": rng.choice(("sell", "sell", "sell", "buy")),
        "kyc": rng.random() < 0.05,
        "auto_reply": rng.random() < 0.1,
        "age_ms": rng.choice((0, 0, 0, 60_000)),
        "fiat": _fiat(climate, order),
    }
    yield Deed(born_s, "open", order, opening)
    left_s = climate.span_s - born_s
    if opening["kyc"]:
        yield _turn(born_s + rng.uniform(0, left_s / 3), order, Turn.VERIFY)
    times = sorted(rng.uniform(left_s / 4, left_s * 1.05) for _ in range(4))
    for at_s, turn in zip(times, rng.choice(_LIVES), strict=False):
        yield _turn(born_s + at_s, order, turn)
    for _ in range(rng.randint(1, 8 if climate.orders < 13 else 4)):
        yield from _utterance(rng, born_s + rng.uniform(0.0, left_s * 0.98), order)
    if rng.random() < 0.15:
        yield Deed(born_s + rng.uniform(left_s / 3, left_s), "say", order, {"form": "operator"})
    if rng.random() < 0.05:
        yield Deed(born_s + rng.uniform(left_s / 3, left_s), "say", order, {"form": "human"})


def _fiat(climate: Climate, order: int) -> str:
    """Return what an order is paid in; chance of its own, so that the rest of a seed's world does not hang on it."""
    rng = random.Random(f"fiat {climate.seed} {order}")  # noqa: S311 - a repeatable world, not a secret
    return rng.choice((*(GREETED_FIAT,) * 5, "EUR"))


def _turn(at_s: float, order: int, turn: Turn) -> Deed:
    return Deed(at_s, "turn", order, {"turn": turn.value})


def _utterance(rng: random.Random, at_s: float, order: int) -> Iterator[Deed]:
    """Yield something that is said, sometimes in a burst, sometimes read, taken back, or with cards around it."""
    for number in range(rng.choice((1, 1, 1, 2, 3))):
        yield Deed(at_s + number * rng.uniform(0.0, 0.5), "say", order, {"form": rng.choice(_FORMS).value})
    luck = rng.random()
    if luck < 0.15:
        yield Deed(at_s + rng.uniform(0.0, 20.0), "read", order, {"by_us": rng.random() < 0.5})
    elif luck < 0.2:
        yield Deed(at_s + rng.uniform(0.0, 5.0), "recall", order)
    elif luck < 0.3:
        yield Deed(at_s + rng.uniform(0.0, 5.0), "system", order, {"event": rng.choice(_SYSTEM)})


def _faults(rng: random.Random, climate: Climate) -> Iterator[Deed]:
    """Yield what goes wrong."""
    for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 12))):
        yield from _fault(rng, climate, rng.uniform(0.0, climate.span_s * 0.98))
    if rng.random() < 0.1:
        yield Deed(rng.uniform(0.0, climate.span_s), "intruder", 0, {"times": rng.choice((1, 2)), "every_s": 20.0})
    for _ in range(
        rng.choice((0, 0, 0, 1, 2))
    ):  # a machine that stands still where it hurts: swapping, a stopped guest
        freeze = {
            "point": rng.choice(_POINTS[:-1]),
            "after": rng.choice((0, 0, 1, 3)),
            "freeze_s": rng.choice((6.0, 14.0, 18.0)),
        }
        yield Deed(rng.uniform(0.0, climate.span_s * 0.9), "kill", 0, freeze)


def _fault(rng: random.Random, climate: Climate, at_s: float) -> Iterator[Deed]:
    kind = rng.choice(("exchange",) * 5 + ("machine",) * 4 + ("network",) * 3 + ("operator",))
    order = rng.randrange(climate.orders)
    if kind == "exchange":
        yield Deed(at_s, "fault", 0, _exchange_fault(rng, climate))
    elif kind == "machine":
        yield _machine_fault(rng, at_s)
    elif kind == "network":
        yield _network_fault(rng, at_s)
    elif rng.random() < 0.4:
        late_s = climate.span_s * 0.8  # later than this every order is open
        yield Deed(max(at_s, late_s), "pause", order, {"all": rng.random() < 0.5})
        yield Deed(max(at_s, late_s) + rng.uniform(5.0, 60.0), "resume", order)


def _exchange_fault(rng: random.Random, climate: Climate) -> dict[str, Any]:
    """Return the sandbox fault's arguments."""
    name, values = rng.choice(_EXCHANGE)
    longest_ms = 60_000 if name in _SLOWLY_FORGIVEN else 120_000
    fault: dict[str, Any] = {"name": name, "duration_ms": rng.randrange(3_000, longest_ms)}
    if name in ("silence", "half_open", "clock_skew"):
        fault |= {"skew_ms": rng.choice((-climate.skew_ms, climate.skew_ms))} if name == "clock_skew" else {}
        return fault | {key: rng.choice(some) for key, some in values.items()}
    fault["probability"] = rng.choice((0.05, 0.2, 0.5, 1.0, 1.0))
    return fault | {key: rng.choice(some) for key, some in values.items()}


_SLOWLY_FORGIVEN = ("key_refused", "token_refused", "upgrade_status", "rest_451", "rest_418", "bye")
_WHEN = ("frame", "after_frame", "push")
_ENDPOINTS = ("", "", "listOrders", "retrieveChatMessagesWithPagination", "getUserOrderDetail")
_EXCHANGE: tuple[tuple[str, dict[str, tuple[Any, ...]]], ...] = (
    ("drop", {"when": _WHEN}),
    ("drop", {"when": _WHEN}),
    ("close", {"when": _WHEN, "code": (1001, 1006 - 5, 1011)}),
    ("silence", {}),
    ("half_open", {}),
    ("delay", {"delay_ms": (200, 1000), "max_delay_ms": (2000, 8000)}),
    ("duplicate", {"copies": (1, 3), "gap_ms": (0, 200, 5000)}),
    ("reorder", {}),
    ("reject", {}),
    ("reject", {"sub_type": ("UNTRUSTED_URL",)}),
    ("swallow", {}),
    ("swallow", {}),
    ("echo_lost", {}),
    ("echo_lost", {}),
    ("burst_loss", {"survivors": (1, 2)}),
    ("noise", {}),
    ("rest_429", {"endpoint": _ENDPOINTS, "retry_after_s": (1, 5, 20)}),
    ("rest_418", {"retry_after_s": (10, 30)}),
    ("rest_451", {}),
    ("rest_5xx", {"endpoint": _ENDPOINTS}),
    ("rest_empty_200", {"endpoint": _ENDPOINTS}),
    ("rest_html", {"endpoint": _ENDPOINTS}),
    ("rest_garbage", {"endpoint": _ENDPOINTS}),
    ("rest_timeout", {"endpoint": _ENDPOINTS}),
    ("rest_drop", {"endpoint": _ENDPOINTS}),
    ("clock_skew", {}),
    ("upgrade_status", {"status": (401, 403, 404, 429, 451, 500, 503)}),
    ("accept_then_close", {}),
    ("accept_then_close", {}),
    ("upgrade_status", {"status": (503, 429)}),
    ("token_refused", {"status": (401, 0)}),
    ("key_refused", {"code": (-2015, -2008, -1022)}),
)


def _machine_fault(rng: random.Random, at_s: float) -> Deed:
    match rng.choice(("kill",) * 5 + ("stop", "suspend", "suspend", "clock", "slow_disk", "full_disk")):
        case "kill":
            return Deed(at_s, "kill", 0, {"point": rng.choice(_POINTS), "after": rng.choice((0, 0, 1, 3, 10))})
        case "suspend":
            return Deed(at_s, "suspend", 0, {"for_s": rng.choice((3.0, 15.0, 40.0, 200.0))})
        case "clock":
            return Deed(at_s, "clock", 0, {"by_ms": rng.choice((-3_600_000, -5_000, 2_000, 90_000, 86_400_000))})
        case "slow_disk":
            return Deed(at_s, "slow_disk", 0, {"for_s": rng.uniform(5.0, 60.0)})
        case "full_disk":
            return Deed(at_s, "full_disk", 0, {"for_s": rng.uniform(1.0, 20.0)})
        case other:
            return Deed(at_s, other)


def _network_fault(rng: random.Random, at_s: float) -> Deed:
    match rng.choice(("break", "break", "half_open", "half_open", "blackout", "slow", "calls_lost", "calls_lost")):
        case "blackout":
            return Deed(at_s, "blackout", 0, {"for_s": rng.choice((1.0, 8.0, 30.0, 90.0))})
        case "slow":
            return Deed(at_s, "slow", 0, {"for_s": rng.uniform(10.0, 90.0)})
        case "calls_lost":
            return Deed(
                at_s, "calls_lost", 0, {"for_s": rng.uniform(5.0, 90.0), "probability": rng.choice((0.1, 0.4, 1.0))}
            )
        case other:
            return Deed(at_s, other)
