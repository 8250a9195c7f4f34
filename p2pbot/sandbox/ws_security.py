"""Who asks over a WebSocket API, and whether the signature says so: keys, clock, signature, logon.

Promise: pure; what is checked is what was sent, sorted by name. A refusal is a ``WsRefusal``.
Source: futures and user-data notes section 2. That a logon without Ed25519 is refused with -4056 is from the public
list of errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.gateway import DEFAULT_WINDOW_MS, LONGEST_WINDOW_MS, MOST_AHEAD_MS
from p2pbot.sandbox.links import Link
from p2pbot.sandbox.signatures import is_ed25519, verify
from p2pbot.sandbox.state import Account
from p2pbot.sandbox.ws_requests import WsRefusal, signed_payload

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_HEX = re.compile(r"[0-9a-fA-F]{64}")


def _missing(name: str) -> WsRefusal:
    return WsRefusal(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def bad_key() -> WsRefusal:
    """Return the refusal of a key that is unknown, deleted, or not allowed here."""
    return WsRefusal(401, -2015, "Invalid API-key, IP, or permissions for action.")


def keyed(context: ContextState, link: Link, params: Mapping[str, Any], now_ms: int) -> Account:
    """Return the account of a request that needs a key alone: the request's own, or who is logged on."""
    key = params.get("apiKey")
    if key is None and link.logon:
        key = link.logon.api_key
    if key is None:
        raise _missing("apiKey")
    return _account(context, str(key), now_ms)


def signed(context: ContextState, link: Link, params: Mapping[str, Any], now_ms: int) -> Account:
    """Return the account of a signed request. After a logon key and signature may be left out, the time may not."""
    account = keyed(context, link, params, now_ms)
    _check_time(context, params, now_ms)
    if "signature" not in params:
        if link.logon and "apiKey" not in params:
            return account
        raise _missing("signature")
    if not verify(account.spec, signed_payload(params), str(params["signature"])):
        raise WsRefusal(400, -1022, "Signature for this request is not valid.")
    return account


def logging_on(context: ContextState, params: Mapping[str, Any], now_ms: int) -> Account:
    """Return the account of a logon: always with its own key and an Ed25519 signature."""
    for name in ("apiKey", "signature"):
        if not params.get(name):
            raise _missing(name)
    account = _account(context, str(params["apiKey"]), now_ms)
    if _HEX.fullmatch(str(params["signature"])):
        raise WsRefusal(400, -4056, "HMAC_SHA256 API key is not supported.")
    if not is_ed25519(account.spec.public_key_pem):
        raise WsRefusal(400, -4056, "RSA API key is not supported.")
    _check_time(context, params, now_ms)
    if not verify(account.spec, signed_payload(params), str(params["signature"])):
        raise WsRefusal(400, -1022, "Signature for this request is not valid.")
    return account


def is_allowed(account: Account) -> bool:
    """Whether the account's key is in force."""
    return account.key_valid and account.spec.address_allowed


def _account(context: ContextState, key: str, now_ms: int) -> Account:
    if not _KEY.fullmatch(key):
        raise WsRefusal(401, -2014, "API-key format invalid.")
    account = context.account_of_key(key)
    if account is None or not is_allowed(account):
        raise bad_key()
    state = context.state
    fault = state.faults.strike("key_refused", now_ms, state.rng, account=account.spec.name)
    if fault:
        raise WsRefusal(401, fault.number("code"), "Invalid API-key, IP, or permissions for action; SIMULATED fault.")
    return account


def _check_time(context: ContextState, params: Mapping[str, Any], now_ms: int) -> None:
    timestamp, window = _whole(params, "timestamp"), _whole(params, "recvWindow")
    if timestamp is None:
        raise _missing("timestamp")
    if window is not None and window > LONGEST_WINDOW_MS:
        raise WsRefusal(400, -1131, "recvWindow must be less than 60000.")
    behind = context.state.exchange_ms(now_ms) - timestamp
    if behind <= -MOST_AHEAD_MS:
        raise WsRefusal(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if behind > (DEFAULT_WINDOW_MS if window is None else window):
        raise WsRefusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def _whole(params: Mapping[str, Any], name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,16}", str(value)):
        raise WsRefusal(
            400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        )
    return int(value)
