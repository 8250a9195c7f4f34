"""Judges each frame that our side writes: delivered, rejected, swallowed, repeated or ignored, and records it.

Promise: strict, where the real exchange may be lax: a frame without one of the documented fields is rejected, so that a
mistake shows here and not in the field. A uuid that comes again is delivered again unless ``deduplicate_uuid`` is on.
Source: C2C chat notes section 4.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from p2pbot.sandbox import frames
from p2pbot.sandbox.chance import happens
from p2pbot.sandbox.delivery import break_socket, mute_of, push, push_line
from p2pbot.sandbox.faults import When
from p2pbot.sandbox.records import Outcome, Received, Speaker
from p2pbot.sandbox.state import Account, Line, Mute, Order, Picture, Socket, State
from p2pbot.sandbox.talk import add_line, counterparty_line

_LONGEST_TEXT = 1000
_LINK = re.compile(r"(?:https?://|www\.|\bt\.me/|\bwa\.me/)\S+", re.IGNORECASE)
_PASSING = "ILLEGAL_PARAM"
_LONGEST_RECORDED = 4000  # a record of a giant frame must not hold the giant


@dataclass(frozen=True, slots=True)
class ClientFrame:
    """A frame of ours, read. Fields of the wrong type are empty."""

    raw: dict[str, object] = field(repr=False)

    def text(self, key: str) -> str:
        """Return a text field."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """Return a whole-number field, or 0."""
        value = self.raw.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a frame, and why; ``code`` and ``sub_type`` fill the error frame."""

    outcome: Outcome
    reason: str = ""
    code: str = ""
    sub_type: str = ""


def take_frame(state: State, socket: Socket, data: str | bytes, now_ms: int) -> Received:
    """Judge one frame, carry out the verdict and return its record."""
    frame = _read(data)
    account = state.account(socket.account)
    verdict = _judge(state, account, socket, frame, now_ms)
    line: Line | None = None
    echoed = False
    if verdict.outcome is Outcome.REJECTED:
        reject = frames.error_frame(frame.text("uuid"), frame.text("orderNo"), verdict.code, verdict.sub_type)
        push(state, account, frames.encode(reject), now_ms, order=frame.text("orderNo"))
    elif verdict.outcome in (Outcome.DELIVERED, Outcome.REPEATED):
        order = state.order(frame.text("orderNo"))
        line = _known_line(order, frame) if verdict.outcome is Outcome.REPEATED else _enter(state, order, frame, now_ms)
        echoed = _echo(state, socket, order, line, now_ms)
        if verdict.outcome is Outcome.DELIVERED:
            _answer_by_machine(state, order, now_ms)
    record = _record(socket, frame, verdict, line, now_ms, echoed=echoed)
    account.received.append(record)
    return record


def _read(data: str | bytes) -> ClientFrame:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        raw = None
    return ClientFrame(raw if isinstance(raw, dict) else {})


def _judge(state: State, account: Account, socket: Socket, frame: ClientFrame, now_ms: int) -> Verdict:
    """Return the first verdict that holds: lost on the way, refused, lost behind the door, known, delivered."""
    verdict = _lost(state, account, socket, frame, now_ms) or _refused(state, account, frame, now_ms)
    if verdict:
        return verdict
    order_no = frame.text("orderNo")
    if state.faults.strike("swallow", now_ms, state.rng, account=socket.account, order=order_no):
        return Verdict(Outcome.SWALLOWED, "swallow")
    if state.options.deduplicate_uuid and _known_line(state.order(order_no), frame):
        return Verdict(Outcome.REPEATED, "uuid known")
    return Verdict(Outcome.DELIVERED)


def _lost(state: State, account: Account, socket: Socket, frame: ClientFrame, now_ms: int) -> Verdict | None:
    if socket.socket_id not in state.sockets:
        return Verdict(Outcome.SWALLOWED, "closed")
    if break_socket(state, socket, now_ms, When.FRAME, frame.text("orderNo")):
        return Verdict(Outcome.SWALLOWED, "connection")
    if mute_of(state, socket, now_ms) is not Mute.NONE:
        return Verdict(Outcome.SWALLOWED, "silence")
    if not frame.raw:
        return Verdict(Outcome.IGNORED, "not a JSON object")
    return Verdict(Outcome.SWALLOWED, "burst_loss") if _in_burst(state, account, now_ms) else None


def _refused(state: State, account: Account, frame: ClientFrame, now_ms: int) -> Verdict | None:
    wrong = _wrong_with(state, account, frame)
    if wrong:
        return Verdict(Outcome.REJECTED, wrong, _PASSING)
    if state.options.content_monitor and _has_foreign_link(state, frame):
        return Verdict(Outcome.REJECTED, "link", _PASSING, "UNTRUSTED_URL")
    order_no = frame.text("orderNo")
    fault = state.faults.strike("reject", now_ms, state.rng, account=account.spec.name, order=order_no)
    return Verdict(Outcome.REJECTED, "reject", fault.text("code"), fault.text("sub_type")) if fault else None


def _in_burst(state: State, account: Account, now_ms: int) -> bool:
    """Whether ``burst_loss`` takes this frame."""
    recent = account.frames_ms
    recent.append(now_ms)
    fault = state.faults.find("burst_loss", now_ms, account=account.spec.name)
    if fault is None:
        return False
    in_window = sum(1 for at_ms in recent if now_ms - at_ms < fault.number("window_ms"))
    if in_window <= fault.number("survivors"):
        return False
    return state.faults.strike("burst_loss", now_ms, state.rng, account=account.spec.name) is not None


def _wrong_with(state: State, account: Account, frame: ClientFrame) -> str:
    """Return what is wrong with the frame, or ''."""
    order = state.orders.get(frame.text("orderNo"))
    if order is None or order.account != account.spec.name or not order.spec.chat_enabled:
        return "orderNo: no such chat of this account"
    if order.is_full:
        return "the chat is full"
    return _missing_field(frame) or _wrong_with_content(state, frame)


def _missing_field(frame: ClientFrame) -> str:
    if not frame.text("uuid"):
        return "uuid is missing"
    if frame.raw.get("self") is not True or frame.text("clientType") != "web":
        return "self or clientType is missing"
    if frame.number("createTime") <= 0 or frame.raw.get("sendStatus") != 0:
        return "createTime or sendStatus is missing"
    return ""


def _wrong_with_content(state: State, frame: ClientFrame) -> str:
    if frame.text("type") == "text":
        text = frame.text("content")
        return "" if text.strip() and len(text) <= _LONGEST_TEXT else "content is empty or too long"
    return _wrong_with_picture(state, frame) if frame.text("type") == "image" else "type is not text or image"


def _wrong_with_picture(state: State, frame: ClientFrame) -> str:
    place = frame.text("imageUrl").removeprefix(f"{state.rest_url}/image/")
    if place == frame.text("imageUrl"):
        return "imageUrl was not given by us"
    if place not in state.placed:
        return "imageUrl: nothing was uploaded there"
    if not frame.text("thumbnailUrl") or frame.text("imageType") != "IMAGE":
        return "thumbnailUrl or imageType is missing"
    return "" if frame.number("width") > 0 and frame.number("height") > 0 else "width or height is missing"


def _has_foreign_link(state: State, frame: ClientFrame) -> bool:
    links = _LINK.findall(frame.text("content"))
    return any(not link.startswith(f"{state.rest_url}/image/") for link in links)


def _known_line(order: Order, frame: ClientFrame) -> Line | None:
    uuid = frame.text("uuid")
    return next((line for line in order.lines if line.uuid == uuid and line.by is Speaker.BOT), None)


def _enter(state: State, order: Order, frame: ClientFrame, now_ms: int) -> Line:
    picture = None
    if frame.text("type") == "image":
        picture = Picture(
            frame.text("imageUrl"),
            frame.text("thumbnailUrl"),
            frame.text("imageType"),
            frame.number("width"),
            frame.number("height"),
        )
    return add_line(
        state,
        order,
        now_ms,
        kind=frame.text("type"),
        by=Speaker.BOT,
        text=frame.text("content"),
        uuid=frame.text("uuid"),
        picture=picture,
    )


def _echo(state: State, socket: Socket, order: Order, line: Line | None, now_ms: int) -> bool:
    """Echo a delivered frame, unless something prevents it; return whether an echo was made."""
    if line is None or break_socket(state, socket, now_ms, When.AFTER_FRAME, order.number):
        return False
    if state.faults.strike("echo_lost", now_ms, state.rng, account=order.account, order=order.number):
        return False
    if not happens(state.rng, state.options.echo_probability):
        return False
    push_line(state, order, line, now_ms)
    return True


def _answer_by_machine(state: State, order: Order, now_ms: int) -> None:
    if order.spec.auto_reply:
        counterparty_line(state, order, now_ms, "auto_reply", order.spec.auto_reply)


def _record(
    socket: Socket, frame: ClientFrame, verdict: Verdict, line: Line | None, now_ms: int, *, echoed: bool
) -> Received:
    return Received(
        at_ms=now_ms,
        account=socket.account,
        socket_id=socket.socket_id,
        kind=frame.text("type")[:40],
        outcome=verdict.outcome,
        reason=verdict.reason,
        uuid=frame.text("uuid")[:100],
        order_no=frame.text("orderNo")[:100],
        text=frame.text("content")[:_LONGEST_RECORDED],
        image_url=frame.text("imageUrl")[:_LONGEST_RECORDED],
        message_id=line.message_id if line else 0,
        echoed=echoed,
    )
