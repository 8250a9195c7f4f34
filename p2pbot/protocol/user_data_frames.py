"""Read what comes on a user-data stream: frames of the futures and spot sockets, and events out of any envelope.

Promise: nothing here raises, whatever comes; ids are text, times milliseconds, every text and list bounded. An event
that we do not know, or that lacks what it is about, is ``Unknown`` with its beginning as it came.
Danger: the envelope of ``/stream`` names the listenKey as the stream; it is dropped unread.
Source: the futures and user-data notes, section 4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from p2pbot.model import Unknown
from p2pbot.protocol import fields
from p2pbot.protocol.user_data_events import (
    AccountConfigUpdate,
    AccountUpdate,
    BalanceChange,
    ConditionalOrderReject,
    ExternalLockUpdate,
    FuturesBalance,
    FuturesPosition,
    ListenKeyExpired,
    MarginCall,
    MarginPosition,
    OrderUpdate,
    OtherUpdate,
    ServerShutdown,
    SpotBalance,
    SpotBalances,
    StreamTerminated,
    TradeLite,
    UserDataEvent,
)
from p2pbot.secret import Secret

MAX_FRAME_CHARS = 1024 * 1024  # an account with every asset changed at once stays under 200 KB
KEPT_CHARS = 4096  # of an event that is not understood
_MAX_ROWS = 2000  # assets or positions of one event: the exchange lists under 1000 of each
_MAX_WORD_CHARS = 64
_MAX_SENTENCE_CHARS = 300
_MAX_KEY_CHARS = 512  # listenKeys have 64

Row = Mapping[str, object]
T = TypeVar("T")


def read_user_data(raw: str | bytes) -> UserDataEvent | None:
    """Return the event of one frame; None for a frame that is none (an answer to a subscription, a heartbeat)."""
    if isinstance(raw, bytes) or len(raw) > MAX_FRAME_CHARS:
        return Unknown(raw[:KEPT_CHARS])
    frame = fields.json_object(raw)
    if frame is None:
        return Unknown(raw[:KEPT_CHARS]) if raw.strip() else None
    if "stream" in frame:
        event = fields.mapping(frame.get("data"))
        return read_event(event) if event is not None else Unknown("")
    return None if "e" not in frame and ("result" in frame or "id" in frame) else read_event(frame)


def read_event(event: Row) -> UserDataEvent:
    """Return what one event, out of its envelope, says."""
    reader = _READERS.get(_word(event, "e"))
    found = reader(event) if reader else None
    return Unknown(_beginning(event)) if found is None else found


def _beginning(event: Row) -> str:
    try:
        return json.dumps(event, ensure_ascii=False)[:KEPT_CHARS]
    except (ValueError, TypeError, RecursionError):
        return "?"


def _order_update(event: Row) -> OrderUpdate | None:
    order = fields.mapping(event.get("o")) or {}
    report = _report(event, order)
    return report and replace(
        report,
        average_price=_number(order, "ap"),
        stop_price=_number(order, "sp"),
        traded_ms=fields.millis(order.get("T")),
        reject_reason=_word(order, "er"),
        reduce_only=fields.flag(order.get("R")),
        working_type=_word(order, "wt"),
        original_type=_word(order, "ot"),
        position_side=_word(order, "ps"),
        close_position=fields.flag(order.get("cp")),
        activation_price=_number(order, "AP"),
        callback_rate=_number(order, "cr"),
        realised_profit=_number(order, "rp"),
        price_match=_word(order, "pm"),
        good_till_ms=fields.millis(order.get("gtd")),
    )


def _execution_report(event: Row) -> OrderUpdate | None:
    """Read spot's report: flat, -1 where a trade has no id, the order's own client id in ``C`` when cancelled."""
    report = _report(event, event)
    return report and replace(
        report,
        client_order_id=_own_client_id(event),
        stop_price=_number(event, "P"),
        trade_id="" if report.trade_id == "-1" else report.trade_id,
        traded_ms=fields.millis(event.get("T")),
        reject_reason=_word(event, "r"),
    )


def _report(event: Row, order: Row) -> OrderUpdate | None:
    """Return what both reports say by the same letters; None without the order's symbol and id."""
    symbol, order_id = _word(order, "s"), fields.identity(order.get("i"))
    if not (symbol and order_id):
        return None
    return OrderUpdate(
        at_ms=_time(event, "E"),
        transacted_ms=_time(event, "T"),
        symbol=symbol,
        order_id=order_id,
        client_order_id=fields.identity(order.get("c")),
        side=_word(order, "S"),
        order_type=_word(order, "o"),
        time_in_force=_word(order, "f"),
        execution=_word(order, "x"),
        status=_word(order, "X"),
        quantity=_number(order, "q"),
        price=_number(order, "p"),
        filled=_number(order, "z"),
        last_filled=_number(order, "l"),
        last_price=_number(order, "L"),
        fee=_number(order, "n"),
        fee_asset=_word(order, "N"),
        trade_id=fields.row_id(order.get("t")),
        maker=fields.flag(order.get("m")),
        self_trade_prevention=_word(order, "V"),
    )


def _own_client_id(event: Row) -> str:
    original = fields.identity(event.get("C"))
    return original if original not in ("", "null") else fields.identity(event.get("c"))


def _trade_lite(event: Row) -> TradeLite | None:
    symbol, order_id = _word(event, "s"), fields.identity(event.get("i"))
    if not (symbol and order_id):
        return None
    return TradeLite(
        at_ms=_time(event, "E"),
        transacted_ms=_time(event, "T"),
        symbol=symbol,
        order_id=order_id,
        client_order_id=fields.identity(event.get("c")),
        side=_word(event, "S"),
        quantity=_number(event, "q"),
        price=_number(event, "p"),
        maker=fields.flag(event.get("m")),
        last_price=_number(event, "L"),
        last_filled=_number(event, "l"),
        trade_id=fields.row_id(event.get("t")),
    )


def _account_update(event: Row) -> AccountUpdate | None:
    account = fields.mapping(event.get("a"))
    if account is None:
        return None
    return AccountUpdate(
        at_ms=_time(event, "E"),
        transacted_ms=_time(event, "T"),
        cause=_word(account, "m"),
        balances=_each(account.get("B"), _futures_balance),
        positions=_each(account.get("P"), _futures_position),
    )


def _futures_balance(row: Row) -> FuturesBalance | None:
    asset, wallet = _word(row, "a"), _number(row, "wb")
    if not asset or wallet is None:
        return None
    return FuturesBalance(asset=asset, wallet=wallet, cross_wallet=_number(row, "cw"), change=_number(row, "bc"))


def _futures_position(row: Row) -> FuturesPosition | None:
    symbol, amount = _word(row, "s"), _number(row, "pa")
    if not symbol or amount is None:
        return None
    return FuturesPosition(
        symbol=symbol,
        amount=amount,
        position_side=_word(row, "ps"),
        entry_price=_number(row, "ep"),
        break_even_price=_number(row, "bep"),
        realised_profit=_number(row, "cr"),
        unrealised_profit=_number(row, "up"),
        margin_type=_word(row, "mt"),
        isolated_wallet=_number(row, "iw"),
    )


def _margin_call(event: Row) -> MarginCall:
    return MarginCall(
        at_ms=_time(event, "E"),
        cross_wallet=_number(event, "cw"),
        positions=_each(event.get("p"), _margin_position),
    )


def _margin_position(row: Row) -> MarginPosition | None:
    symbol, amount = _word(row, "s"), _number(row, "pa")
    if not symbol or amount is None:
        return None
    return MarginPosition(
        symbol=symbol,
        amount=amount,
        position_side=_word(row, "ps"),
        margin_type=_word(row, "mt"),
        isolated_wallet=_number(row, "iw"),
        mark_price=_number(row, "mp"),
        unrealised_profit=_number(row, "up"),
        maintenance_margin=_number(row, "mm"),
    )


def _account_config(event: Row) -> AccountConfigUpdate:
    symbol, mode = fields.mapping(event.get("ac")) or {}, fields.mapping(event.get("ai")) or {}
    return AccountConfigUpdate(
        at_ms=_time(event, "E"),
        transacted_ms=_time(event, "T"),
        symbol=_word(symbol, "s"),
        leverage=fields.count(symbol.get("l")),
        multi_assets=fields.flag(mode.get("j")),
    )


def _conditional_reject(event: Row) -> ConditionalOrderReject | None:
    order = fields.mapping(event.get("or")) or {}
    symbol, order_id = _word(order, "s"), fields.identity(order.get("i"))
    if not (symbol and order_id):
        return None
    return ConditionalOrderReject(
        at_ms=_time(event, "E"),
        transacted_ms=_time(event, "T"),
        symbol=symbol,
        order_id=order_id,
        why=fields.text(order.get("r"), _MAX_SENTENCE_CHARS) or "",
    )


def _other(event: Row) -> OtherUpdate:
    """Keep an event's own object, which stands under another letter in each kind."""
    objects = (fields.mapping(event.get(letter)) for letter in ("o", "su", "gu"))
    details = next((found for found in objects if found), event)
    return OtherUpdate(
        kind=_word(event, "e"),
        at_ms=_time(event, "E"),
        transacted_ms=_time(event, "T"),
        symbol=_word(details, "s"),
        details=details if len(_beginning(details)) < KEPT_CHARS else {},
    )


def _key_expired(event: Row) -> ListenKeyExpired:
    named = event.get("listenKey")
    key = Secret(named) if isinstance(named, str) and 0 < len(named) <= _MAX_KEY_CHARS else None
    return ListenKeyExpired(at_ms=_time(event, "E"), listen_key=key)


def _spot_balances(event: Row) -> SpotBalances:
    return SpotBalances(
        at_ms=_time(event, "E"), updated_ms=_time(event, "u"), balances=_each(event.get("B"), _spot_balance)
    )


def _spot_balance(row: Row) -> SpotBalance | None:
    asset, free = _word(row, "a"), _number(row, "f")
    return SpotBalance(asset=asset, free=free, locked=_number(row, "l")) if asset and free is not None else None


def _balance_change(event: Row) -> BalanceChange | None:
    asset, change = _word(event, "a"), _number(event, "d")
    if not asset or change is None:
        return None
    return BalanceChange(at_ms=_time(event, "E"), cleared_ms=_time(event, "T"), asset=asset, change=change)


def _external_lock(event: Row) -> ExternalLockUpdate | None:
    asset, change = _word(event, "a"), _number(event, "d")
    if not asset or change is None:
        return None
    return ExternalLockUpdate(at_ms=_time(event, "E"), transacted_ms=_time(event, "T"), asset=asset, change=change)


def _terminated(event: Row) -> StreamTerminated:
    return StreamTerminated(at_ms=_time(event, "E"))


def _shutdown(event: Row) -> ServerShutdown:
    return ServerShutdown(at_ms=_time(event, "E"))


def _word(row: Row, key: str) -> str:
    return fields.text(row.get(key), _MAX_WORD_CHARS) or ""


def _number(row: Row, key: str) -> Decimal | None:
    return fields.decimal(row.get(key))


def _time(row: Row, key: str) -> int:
    return fields.millis(row.get(key)) or 0


def _each(value: object, read: Callable[[Row], T | None]) -> tuple[T, ...]:
    """Return what can be read of a list; a row that cannot be read hides no other."""
    return tuple(_found(value, read))


def _found(value: object, read: Callable[[Row], T | None]) -> Iterator[T]:
    for item in value[:_MAX_ROWS] if isinstance(value, list) else ():
        row = fields.mapping(item)
        found = None if row is None else read(row)
        if found is not None:
            yield found


_READERS: dict[str, Callable[[Row], UserDataEvent | None]] = {
    "ORDER_TRADE_UPDATE": _order_update,
    "ACCOUNT_UPDATE": _account_update,
    "MARGIN_CALL": _margin_call,
    "ACCOUNT_CONFIG_UPDATE": _account_config,
    "TRADE_LITE": _trade_lite,
    "ALGO_UPDATE": _other,
    "CONDITIONAL_ORDER_TRIGGER_REJECT": _conditional_reject,
    "STRATEGY_UPDATE": _other,
    "GRID_UPDATE": _other,
    "listenKeyExpired": _key_expired,
    "executionReport": _execution_report,
    "outboundAccountPosition": _spot_balances,
    "balanceUpdate": _balance_change,
    "listStatus": _other,
    "externalLockUpdate": _external_lock,
    "eventStreamTerminated": _terminated,
    "serverShutdown": _shutdown,
}
EVENT_NAMES = frozenset(_READERS)
FUTURES_EVENTS = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "MARGIN_CALL",
    "ACCOUNT_CONFIG_UPDATE",
    "TRADE_LITE",
    "ALGO_UPDATE",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "STRATEGY_UPDATE",
    "GRID_UPDATE",
    "listenKeyExpired",
)
"""All that a futures stream must be asked for: its list is a strict allow-list, and a name with a typo is silent."""
