"""The names, meanings and parameters of all faults. ``docs/sandbox.md`` prints this table and a test compares them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = int | float | str | bool


class Scope(StrEnum):
    """To what a fault can be bound. ORDER includes ACCOUNT."""

    ORDER = "account or order"
    ACCOUNT = "account"
    EXCHANGE = "whole exchange"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A fault's parameter; its default gives its type. ``choices`` closes a set of texts."""

    name: str
    default: Value
    meaning: str
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> None:
        """Raise ValueError unless ``value`` is possible here."""
        numeric = isinstance(self.default, (int, float)) and not isinstance(self.default, bool)
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) if numeric else None
        if not (isinstance(value, type(self.default)) if fits is None else fits):
            raise ValueError(f"{self.name} is of the kind {type(self.default).__name__}, not {value!r}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} is one of {', '.join(self.choices)}, not {value!r}")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One named fault."""

    name: str
    meaning: str
    scope: Scope
    parameters: tuple[Parameter, ...] = ()
    is_state: bool = False  # it holds while it stands: neither probability nor count


_WHEN = Parameter("when", "now", "the moment: now, frame, after_frame, push", ("now", "frame", "after_frame", "push"))
_ENDPOINT = Parameter("endpoint", "", "last part of the path, e.g. listOrders; empty = every call")
_RETRY = Parameter("retry_after_s", 2, "seconds in Retry-After")

_LINK = Parameter("link", "", "futures_api, spot_api, futures_stream, spot_stream, unrouted; empty = all")
_METHOD = Parameter("method", "", "the request's method, e.g. session.status; empty = every request")
_EVENT = Parameter("event", "", "the event's name, e.g. ACCOUNT_UPDATE; empty = every event")

_ALL = (
    FaultKind("drop", "the TCP connection of the chat socket is reset, no close frame", Scope.ORDER, (_WHEN,)),
    FaultKind(
        "close",
        "the chat socket is closed with a code and a reason",
        Scope.ORDER,
        (_WHEN, Parameter("code", 1001, "close code"), Parameter("reason", "", "close reason")),
    ),
    FaultKind(
        "bye",
        "the chat socket is closed with the reason Bye, as if another client had connected",
        Scope.ORDER,
        (_WHEN, Parameter("code", 1000, "close code")),
    ),
    FaultKind(
        "silence",
        "the socket stays open, answers pings, pushes nothing and swallows our frames; without duration_ms: "
        "the sockets that are open now, until they close",
        Scope.ACCOUNT,
        is_state=True,
    ),
    FaultKind("half_open", "as silence, and pings and closes are not answered either", Scope.ACCOUNT, is_state=True),
    FaultKind(
        "delay",
        "pushes come later, in their order",
        Scope.ORDER,
        (
            Parameter("delay_ms", 1000, "shortest delay"),
            Parameter("max_delay_ms", 0, "longest; 0 = always the shortest"),
        ),
    ),
    FaultKind(
        "duplicate",
        "a push comes again",
        Scope.ORDER,
        (Parameter("copies", 1, "further copies"), Parameter("gap_ms", 0, "time between copies")),
    ),
    FaultKind(
        "reorder",
        "a push is held back and comes after the next one",
        Scope.ORDER,
        (Parameter("longest_ms", 500, "comes by itself after this time"),),
    ),
    FaultKind(
        "reject",
        "our frame is answered by an error frame; with sub_type a judgement of the content, without a passing one",
        Scope.ORDER,
        (Parameter("code", "ILLEGAL_PARAM", "content of the error frame"), Parameter("sub_type", "", "its subType")),
    ),
    FaultKind("swallow", "our frame is taken and lost: no echo, never in the history", Scope.ORDER),
    FaultKind("echo_lost", "our frame is delivered and in the history, but not echoed", Scope.ORDER),
    FaultKind(
        "burst_loss",
        "of our frames within a window only the first ones survive, the others are lost without a word",
        Scope.ACCOUNT,
        (Parameter("window_ms", 800, "the window"), Parameter("survivors", 2, "frames that survive in it")),
    ),
    FaultKind("noise", "meaningless frames before each push: {}, empty, pong, binary, unknown types", Scope.ACCOUNT),
    FaultKind(
        "history_lag",
        "messages made now are in the history only after this time",
        Scope.ORDER,
        (Parameter("lag_ms", 3000, "shortest lag"), Parameter("max_lag_ms", 0, "longest; 0 = always the shortest")),
    ),
    FaultKind("rest_429", "REST answers 429 with Retry-After", Scope.ACCOUNT, (_ENDPOINT, _RETRY)),
    FaultKind("rest_418", "REST answers 418 (banned) with Retry-After", Scope.ACCOUNT, (_ENDPOINT, _RETRY)),
    FaultKind("rest_451", "REST answers 451: restricted location", Scope.ACCOUNT, (_ENDPOINT,)),
    FaultKind(
        "rest_5xx",
        "REST answers a server error with an HTML page",
        Scope.ACCOUNT,
        (_ENDPOINT, Parameter("status", 503, "the status")),
    ),
    FaultKind("rest_empty_200", "REST answers 200 with an empty body", Scope.ACCOUNT, (_ENDPOINT,)),
    FaultKind("rest_html", "REST answers 200 with an HTML page", Scope.ACCOUNT, (_ENDPOINT,)),
    FaultKind("rest_garbage", "REST answers 200 with JSON of the wrong shape", Scope.ACCOUNT, (_ENDPOINT,)),
    FaultKind(
        "rest_timeout",
        "REST carries the call out but does not answer; the connection ends after hold_ms",
        Scope.ACCOUNT,
        (_ENDPOINT, Parameter("hold_ms", 30_000, "how long it hangs")),
    ),
    FaultKind("rest_drop", "REST carries the call out and resets the connection", Scope.ACCOUNT, (_ENDPOINT,)),
    FaultKind(
        "upload_status",
        "a picture's upload is answered with an HTTP status and not taken; a 3xx leads elsewhere on this exchange",
        Scope.ACCOUNT,
        (Parameter("status", 503, "e.g. 307, 400, 403, 413, 500, 503"),),
    ),
    FaultKind(
        "upload_stall",
        "a picture's upload is not answered and not taken; the connection ends after hold_ms",
        Scope.ACCOUNT,
        (Parameter("hold_ms", 30_000, "how long it hangs"),),
    ),
    FaultKind("upload_drop", "a picture is taken, and the connection reset before the answer", Scope.ACCOUNT),
    FaultKind(
        "clock_skew",
        "the exchange's clock is ahead of ours by this much (negative: behind)",
        Scope.EXCHANGE,
        (Parameter("skew_ms", 5000, "the difference"),),
        is_state=True,
    ),
    FaultKind(
        "upgrade_status",
        "the chat handshake is answered with an HTTP status; the token is used up",
        Scope.ACCOUNT,
        (Parameter("status", 503, "e.g. 401, 403, 404, 429, 451, 500"), Parameter("retry_after_s", 0, "0 = no header")),
    ),
    FaultKind(
        "accept_then_close",
        "the chat socket opens and is closed at once",
        Scope.ACCOUNT,
        (Parameter("code", 1008, "close code"), Parameter("reason", "", "close reason")),
    ),
    FaultKind(
        "token_refused",
        "a good listenToken is refused at the handshake, or by a close code just after",
        Scope.ACCOUNT,
        (
            Parameter("status", 401, "HTTP status; 0 = open, then close with close_code"),
            Parameter("close_code", 4001, "used when status is 0"),
        ),
    ),
    FaultKind(
        "key_refused",
        "the API key is refused, as if deleted or used from another address",
        Scope.ACCOUNT,
        (Parameter("code", -2015, "-2015, -2014, -2008 or -1022"),),
    ),
    FaultKind(
        "link_status",
        "the handshake of a WebSocket API or a private stream is answered with an HTTP status",
        Scope.ACCOUNT,
        (_LINK, Parameter("status", 503, "the status"), _RETRY),
    ),
    FaultKind(
        "link_silence",
        "a WebSocket API answers nothing and a private stream pushes nothing; pings are answered",
        Scope.ACCOUNT,
        (_LINK,),
        is_state=True,
    ),
    FaultKind(
        "link_half_open",
        "as link_silence, and pings and closes are not answered either",
        Scope.ACCOUNT,
        (_LINK,),
        is_state=True,
    ),
    FaultKind(
        "ws_api_error",
        "a request over a WebSocket API is refused; with carried_out it was done all the same (outcome unknown)",
        Scope.ACCOUNT,
        (
            _METHOD,
            Parameter("status", 500, "the status"),
            Parameter("code", -1000, "the error's code"),
            Parameter("retry_after_ms", 0, "0 = no such data"),
            Parameter("carried_out", False, "true: the answer says failed and it was not, as -1006 and -1007 may mean"),  # noqa: FBT003 - a default
        ),
    ),
    FaultKind("ws_api_lost", "a request is carried out and not answered", Scope.ACCOUNT, (_METHOD,)),
    FaultKind(
        "ws_api_late",
        "a request is answered late, and may be overtaken",
        Scope.ACCOUNT,
        (_METHOD, Parameter("delay_ms", 15_000, "how late")),
    ),
    FaultKind("ws_api_html", "a request is answered with a page of HTML", Scope.ACCOUNT, (_METHOD,)),
    FaultKind("event_lost", "an event of a private stream is not sent", Scope.ACCOUNT, (_EVENT,)),
    FaultKind("event_twice", "an event of a private stream is sent twice", Scope.ACCOUNT, (_EVENT,)),
    FaultKind("event_noise", "an event of an unknown type comes before each event", Scope.ACCOUNT),
)

FAULTS: dict[str, FaultKind] = {kind.name: kind for kind in _ALL}
