"""Carries frames to an account's sockets, with the faults that can befall them on the way.

Promise: nothing is replayed. A push to a socket that is silent, gone or dropped is lost and only counted.
Source: C2C chat notes section 2; the fault registry.
"""

from __future__ import annotations

from p2pbot.sandbox import frames
from p2pbot.sandbox.chance import happens
from p2pbot.sandbox.faults import Fault, When
from p2pbot.sandbox.state import Abort, Account, Close, Line, Mute, Order, Push, Socket, State

_REPEATS = 0.1  # under variety: how often a push is simply repeated
_NOISE = 0.05  # under variety: how often something meaningless comes first
_BREAKERS = ("drop", "close", "bye")


def push_line(state: State, order: Order, line: Line, now_ms: int) -> None:
    """Push a chat line to every socket of the order's account."""
    account = state.account(order.account)
    text = frames.encode(frames.socket_frame(line, order, account))
    push(state, account, text, now_ms, order=order.number, fragments=order.dialect.fragments)


def push_statistics(state: State, account: Account, now_ms: int) -> None:
    """Push the account's unread counter."""
    unread = sum(order.unread for order in state.orders.values() if order.account == account.spec.name)
    push(state, account, frames.encode(frames.statistics_frame(unread)), now_ms)


def push(
    state: State, account: Account, data: str | bytes, now_ms: int, *, order: str | None = None, fragments: int = 1
) -> None:
    """Push one message to every socket of an account."""
    sockets = state.sockets_of(account.spec.name)
    if not sockets:
        account.lost_pushes += 1
    for socket in sockets:
        if mute_of(state, socket, now_ms) is not Mute.NONE or break_socket(state, socket, now_ms, When.PUSH, order):
            account.lost_pushes += 1
            continue
        _make_noise(state, socket, now_ms)
        parcel = Push(socket.socket_id, data, fragments)
        first_ms = _leave(state, socket, parcel, now_ms + _delay_ms(state, socket, now_ms, order), now_ms)
        _repeat(state, socket, parcel, first_ms, now_ms, order)
        _hold_or_release(state, socket, now_ms, order)


def mute_of(state: State, socket: Socket, now_ms: int) -> Mute:
    """Return how the socket fails to talk now."""
    if socket.mute is Mute.HALF_OPEN or state.faults.find("half_open", now_ms, account=socket.account):
        return Mute.HALF_OPEN
    if socket.mute is Mute.SILENT or state.faults.find("silence", now_ms, account=socket.account):
        return Mute.SILENT
    return Mute.NONE


def break_socket(state: State, socket: Socket, now_ms: int, when: When, order: str | None) -> bool:
    """Whether a fault ends the socket at this moment; if so it is done."""
    for name in _BREAKERS:
        fault = state.faults.strike(name, now_ms, state.rng, account=socket.account, order=order, when=when.value)
        if fault:
            end_socket(state, socket, fault)
            return True
    return False


def end_socket(state: State, socket: Socket, fault: Fault) -> None:
    """End a socket as ``drop``, ``close`` or ``bye`` say."""
    state.sockets.pop(socket.socket_id, None)
    if fault.name == "drop":
        state.effects.append(Abort(socket.socket_id))
        return
    reason = "Bye" if fault.name == "bye" else fault.text("reason")
    state.effects.append(Close(socket.socket_id, fault.number("code"), reason))


def _make_noise(state: State, socket: Socket, now_ms: int) -> None:
    told = state.faults.strike("noise", now_ms, state.rng, account=socket.account)
    if told or (state.options.variety and happens(state.rng, _NOISE)):
        _leave(state, socket, Push(socket.socket_id, frames.noise(state.rng)), now_ms, now_ms)


def _repeat(state: State, socket: Socket, parcel: Push, first_ms: int, now_ms: int, order: str | None) -> None:
    """Push copies: those of ``duplicate`` may trail after later pushes, those of variety follow at once."""
    fault = state.faults.strike("duplicate", now_ms, state.rng, account=socket.account, order=order)
    if fault is None:
        if state.options.variety and happens(state.rng, _REPEATS):
            _leave(state, socket, parcel, first_ms, now_ms)
        return
    for copy in range(1, fault.number("copies") + 1):
        due = first_ms + copy * fault.number("gap_ms")
        if due <= now_ms:
            state.effects.append(parcel)
        else:
            state.later(due, lambda at: _write_late(state, parcel, at))


def _delay_ms(state: State, socket: Socket, now_ms: int, order: str | None) -> int:
    fault = state.faults.strike("delay", now_ms, state.rng, account=socket.account, order=order)
    if fault is None:
        return 0
    shortest = fault.number("delay_ms")
    return round(state.rng.uniform(shortest, max(shortest, fault.number("max_delay_ms"))))


def _leave(state: State, socket: Socket, parcel: Push, at_ms: int, now_ms: int) -> int:
    """Write now, or later, never before what was pushed earlier; return when."""
    due = max(at_ms, socket.free_ms)
    socket.free_ms = due
    if due <= now_ms:
        state.effects.append(parcel)
    else:
        state.later(due, lambda at: _write_late(state, parcel, at))
    return due


def _write_late(state: State, parcel: Push, now_ms: int) -> None:
    socket = state.sockets.get(parcel.socket_id)
    if socket and mute_of(state, socket, now_ms) is Mute.NONE:
        state.effects.append(parcel)


def _hold_or_release(state: State, socket: Socket, now_ms: int, order: str | None) -> None:
    """Play ``reorder``: the push that was just written waits for the next one."""
    if socket.held is not None:
        _release(state, socket.socket_id, now_ms)
        return
    fault = state.faults.strike("reorder", now_ms, state.rng, account=socket.account, order=order)
    newest = state.effects[-1] if state.effects else None
    if fault and isinstance(newest, Push) and newest.socket_id == socket.socket_id:
        socket.held = newest
        state.effects.pop()
        state.later(now_ms + fault.number("longest_ms"), lambda at: _release(state, socket.socket_id, at))


def _release(state: State, socket_id: int, now_ms: int) -> None:
    socket = state.sockets.get(socket_id)
    if socket and socket.held is not None:
        held, socket.held = socket.held, None
        _write_late(state, held, now_ms)
