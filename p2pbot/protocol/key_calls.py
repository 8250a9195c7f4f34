"""The REST calls of listenKeys: the way round when the WebSocket API is down, and the only way for legacy spot keys.

Promise: none of them is signed or moves anything; each may be repeated. The list is closed, as ``protocol.calls`` is.
Danger: a legacy key stands in the query; ``RestCall`` does not show its query, and the door shows no address. Closing
a key silences every program of the account.
Source: the futures and user-data notes, sections 1 and 3.
"""

from __future__ import annotations

from collections.abc import Callable

from p2pbot.errors import AnswerMalformed
from p2pbot.protocol import answers, fields, ws_answers
from p2pbot.protocol.rest import Answer, RestCall, T
from p2pbot.protocol.ws_answers import SpotAccount
from p2pbot.secret import Secret

_FUTURES = "/fapi/v1/listenKey"
_SPOT = "/api/v3/userDataStream"


def futures_time() -> RestCall[int]:
    """Ask the futures interface's clock: Unix milliseconds. Needs no key."""
    return RestCall(
        name="futures_time", method="GET", path="/fapi/v1/time", parse=answers.read_time, signed=False, bare=True
    )


def start_futures_key() -> RestCall[Secret]:
    """Ask for the account's futures listenKey: the one that is active, extended to 60 minutes, or a new one."""
    return _keyed("start_futures_key", "POST", _FUTURES, _read_key)


def keep_futures_key() -> RestCall[Secret | None]:
    """Extend the active futures listenKey; some answers name it. Refused with -1125 when there is none."""
    return _keyed("keep_futures_key", "PUT", _FUTURES, _read_key_if_named)


def close_futures_key() -> RestCall[None]:
    """Close the account's futures listenKey."""
    return _keyed("close_futures_key", "DELETE", _FUTURES, answers.read_nothing)


def start_spot_key() -> RestCall[Secret]:
    """Ask for the account's spot listenKey in the older way: the active one, or a new one."""
    return _keyed("start_spot_key", "POST", _SPOT, _read_key)


def keep_spot_key(key: Secret) -> RestCall[None]:
    """Extend a spot listenKey; the answer is empty."""
    return _keyed("keep_spot_key", "PUT", _SPOT, answers.read_nothing, key)


def close_spot_key(key: Secret) -> RestCall[None]:
    """Close a spot listenKey."""
    return _keyed("close_spot_key", "DELETE", _SPOT, answers.read_nothing, key)


def spot_account() -> RestCall[SpotAccount]:
    """Ask for the balances of the spot wallet: the snapshot of a venue that speaks the older interface only. Signed."""
    return RestCall(
        name="spot_account",
        method="GET",
        path="/api/v3/account",
        parse=_read_spot_account,
        query=(("omitZeroBalances", "true"),),
        bare=True,
        weight=20,
    )


def _keyed(name: str, method: str, path: str, parse: Callable[[Answer], T], key: Secret | None = None) -> RestCall[T]:
    """Return a call with the API key's header alone; ``key``: the listenKey that it names."""
    query = (("listenKey", key.reveal()),) if key is not None else ()
    return RestCall(name=name, method=method, path=path, parse=parse, query=query, signed=False, keyed=True, bare=True)


def _read_key(answer: Answer) -> Secret:
    return ws_answers.read_listen_key(answer.data)


def _read_key_if_named(answer: Answer) -> Secret | None:
    said = fields.mapping(answer.data)
    if said is None:
        raise AnswerMalformed("the exchange's answer to a keepalive is not an object")
    return ws_answers.read_listen_key(said) if "listenKey" in said else None


def _read_spot_account(answer: Answer) -> SpotAccount:
    return ws_answers.read_spot_account(answer.data)
