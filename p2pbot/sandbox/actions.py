"""Everything that can be done to the world by name, with JSON in and out: one table for HTTP control and for scripts.

Promise: an unknown name, key or value is a ``ValueError`` or ``KeyError`` with a sentence; then nothing was done.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from typing import Any

from p2pbot.sandbox.arguments import Action, Arguments, Deed, Json
from p2pbot.sandbox.context_actions import CONTEXT_DEEDS, CONTEXT_VIEWS
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.life import Turn
from p2pbot.sandbox.options import OrderSpec
from p2pbot.sandbox.specs import build
from p2pbot.sandbox.uploads import MOST_BYTES
from p2pbot.sandbox.world import World

_LONGEST_ENDING = 8


def _open_order(world: World, given: Arguments, now_ms: int) -> Json:
    spec = {key: value for key, value in given.data.items() if key != "account"}
    return {"order_no": world.open_order(given.text("account"), build(OrderSpec, spec), now_ms)}


def _say(world: World, given: Arguments, now_ms: int) -> Json:
    kind, uuid = given.text("kind", "text"), given.text("uuid", "")
    return {"message_id": world.say(given.text("order"), given.text("text"), now_ms, uuid=uuid, kind=kind)}


def _send_image(world: World, given: Arguments, now_ms: int) -> int:
    packed = given.text("data_base64", "")
    data = base64.b64decode(packed, validate=True) if packed else None
    if len(data or b"") > MOST_BYTES:
        raise ValueError(f"a picture of more than {MOST_BYTES} bytes")
    declared = given.text("declared", "png")
    if not declared.isalnum() or len(declared) > _LONGEST_ENDING:
        raise ValueError("declared is an ending such as png")
    return world.send_image(given.text("order"), now_ms, data, declared=declared)


def _inject(world: World, given: Arguments, now_ms: int) -> Json:
    settings = {key: value for key, value in given.data.items() if key != "fault"}
    return {"fault_id": world.inject(Fault(given.text("fault"), **settings), now_ms)}


def _clear(world: World, given: Arguments, _: int) -> Json:
    world.clear_faults(given.number("fault_id") if "fault_id" in given.data else None)
    return {}


def _turn(turn: Turn) -> Deed:
    def deed(world: World, given: Arguments, now_ms: int) -> Json:
        world.turn(given.text("order"), turn, now_ms, by_us=given.flag("by_us"))
        return {"life": world.life(given.text("order")).value}

    return deed


def _message(deed: Callable[[World, Arguments, int], int]) -> Deed:
    return lambda world, given, now_ms: {"message_id": deed(world, given, now_ms)}


def _rows(values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(value) for value in values]


def _state(world: World, _: Arguments, now_ms: int) -> Json:
    return {
        "simulated": True,
        "accounts": {
            name: {
                "live_sockets": world.live_sockets(name),
                "lost_pushes": world.lost_pushes(name),
                "orders": {number: world.life(number).value for number in world.orders(name)},
            }
            for name in world.accounts()
        },
        "faults": _faults(world, now_ms),
    }


def _faults(world: World, now_ms: int) -> Json:
    return [
        {"fault_id": one.fault_id, "fault": one.fault.name, "struck": one.struck, "left": one.left}
        for one in world.faults(now_ms)
    ]


_TURNS = tuple(
    Action(turn.value, f"the order's turn: {turn.value.replace('_', ' ')}", ("order", "by_us"), _turn(turn))
    for turn in Turn
)

_DEEDS = (
    Action("open_order", "open an order; the keys of OrderSpec, and account", (), _open_order),
    Action("say", "the counterparty says a text", ("order", "text", "uuid", "kind"), _say),
    Action(
        "send_image",
        "the counterparty sends a picture: a sample, or data_base64; declared (png, jpg …) may lie",
        ("order", "data_base64", "declared"),
        _message(_send_image),
    ),
    Action(
        "operator_says",
        "a person of ours types in the app",
        ("order", "text"),
        _message(lambda world, given, now_ms: world.operator_says(given.text("order"), given.text("text"), now_ms)),
    ),
    Action(
        "recall",
        "the counterparty takes a message back",
        ("order", "message_id"),
        _message(lambda world, given, now_ms: world.recall(given.text("order"), given.number("message_id"), now_ms)),
    ),
    Action(
        "system",
        "the exchange posts a system event of any name, e.g. order_about_timeout, nlp_warning",
        ("order", "event"),
        _message(lambda world, given, now_ms: world.system(given.text("order"), given.text("event"), now_ms)),
    ),
    Action(
        "read",
        "our person (by_us true) or the counterparty opens the chat",
        ("order", "by_us"),
        lambda world, given, now_ms: {"read": world.read(given.text("order"), now_ms, by_us=given.flag("by_us"))},
    ),
    Action(
        "open_data_token",
        "a user of a Mini Program agrees; the answer is the data token, good for two minutes",
        ("app_id", "open_id"),
        lambda world, given, now_ms: {
            "token": world.open_data.issue(given.text("app_id"), given.text("open_id"), now_ms)
        },
    ),
    Action("inject", "play a fault: its name under fault, its scope and parameters beside it", (), _inject),
    Action("clear_faults", "end one standing fault, or all", ("fault_id",), _clear),
)

_VIEWS = (
    Action("state", "accounts, orders, sockets, faults", ("",), _state),
    Action("faults", "the faults that are on", ("",), lambda world, _, now_ms: _faults(world, now_ms)),
    Action(
        "received",
        "every frame that our side wrote",
        ("account",),
        lambda world, given, _: _rows(world.received(given.text("account"))),
    ),
    Action("chat", "an order's true chat", ("order",), lambda world, given, _: _rows(world.chat(given.text("order")))),
    Action(
        "connects",
        "every attempt to open a chat socket",
        ("account",),
        lambda world, given, _: _rows(world.connects(given.text("account"))),
    ),
    Action(
        "rest_calls",
        "every REST call, of one endpoint or all",
        ("account", "endpoint"),
        lambda world, given, _: _rows(world.rest_calls(given.text("account"), given.text("endpoint", ""))),
    ),
    Action(
        "uploads",
        "every picture upload",
        ("account",),
        lambda world, given, _: _rows(world.uploads(given.text("account"))),
    ),
)

ACTIONS: dict[str, Action] = {action.name: action for action in (*_DEEDS, *_TURNS, *CONTEXT_DEEDS)}
VIEWS: dict[str, Action] = {view.name: view for view in (*_VIEWS, *CONTEXT_VIEWS)}
