"""The door of the chat socket: credentials are issued here, redeemed at the handshake, and a second socket says Bye.

Promise: a listenKey is stable per account, a listenToken serves one handshake.
Danger: both are secrets even when simulated; neither appears in a record or a log.
Source: C2C chat notes sections 1 and 2. How a bad token is refused is unknown: here it is 401 at the handshake.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from p2pbot.sandbox.chance import hex_text
from p2pbot.sandbox.delivery import mute_of
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.options import SecondSocket
from p2pbot.sandbox.records import ConnectSeen
from p2pbot.sandbox.state import Account, Close, Mute, Socket, State


@dataclass(frozen=True, slots=True)
class Refusal:
    """The handshake is answered with a status. ``retry_after_s`` 0 means no such header."""

    status: int
    reason: str
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Welcome:
    """The handshake succeeds; then the shell calls ``enter``. ``doomed``: a fault closes the socket at once."""

    account: str
    doomed: Fault | None = field(default=None)


def issue(state: State, account: Account) -> dict[str, str]:
    """Return a new chat credential as the REST call's ``data``."""
    token = f"TOKEN{hex_text(state.rng, 32)}"
    account.tokens.append(token)
    return {"chatWssUrl": state.chat_url, "listenKey": account.listen_key, "listenToken": token}


def knock(state: State, listen_key: str, query: Mapping[str, str], now_ms: int) -> Welcome | Refusal:
    """Judge a handshake and record it. A token that is presented is used up, whatever comes of it."""
    account = next((one for one in state.accounts.values() if _same(one.listen_key, listen_key)), None)
    if account is None:
        return Refusal(404, "unknown listenKey")
    answer = _judge(state, account, query, now_ms)
    if isinstance(answer, Refusal):
        seen = ConnectSeen(at_ms=now_ms, account=account.spec.name, status=answer.status, reason=answer.reason)
        account.connects.append(seen)
    return answer


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogateescape"))


def _judge(state: State, account: Account, query: Mapping[str, str], now_ms: int) -> Welcome | Refusal:
    name = account.spec.name
    token = query.get("token", "")
    known = token in account.tokens
    if known:
        account.tokens.remove(token)
    fault = state.faults.strike("upgrade_status", now_ms, state.rng, account=name)
    if fault:
        return Refusal(fault.number("status"), "upgrade_status", fault.number("retry_after_s"))
    if query.get("clientType") != "web":
        return Refusal(400, "clientType is not web")
    if not known:
        return Refusal(401, "token unknown or used")
    fault = state.faults.strike("token_refused", now_ms, state.rng, account=name)
    if fault and fault.number("status"):
        return Refusal(fault.number("status"), "token_refused")
    return Welcome(name, fault or state.faults.strike("accept_then_close", now_ms, state.rng, account=name))


def enter(state: State, welcome: Welcome, now_ms: int) -> Socket:
    """Open the socket that was welcomed; older ones of the account may get their ``Bye``."""
    account = state.account(welcome.account)
    socket = Socket(state.next_socket_id(), welcome.account, now_ms)
    seen = ConnectSeen(at_ms=now_ms, account=welcome.account, status=101, socket_id=socket.socket_id)
    account.connects.append(seen)
    if state.options.second_socket is SecondSocket.BYE:
        for older in state.sockets_of(welcome.account):
            leave(state, older.socket_id)
            if mute_of(state, older, now_ms) is not Mute.HALF_OPEN:
                state.effects.append(Close(older.socket_id, 1000, "Bye"))
    if welcome.doomed is None:
        state.sockets[socket.socket_id] = socket
    else:
        state.effects.append(_doom(socket, welcome.doomed))
    return socket


def _doom(socket: Socket, fault: Fault) -> Close:
    if fault.name == "token_refused":
        return Close(socket.socket_id, fault.number("close_code"), "token refused")
    return Close(socket.socket_id, fault.number("code"), fault.text("reason"))


def leave(state: State, socket_id: int) -> None:
    """Forget a socket that is gone. Idempotent."""
    state.sockets.pop(socket_id, None)
