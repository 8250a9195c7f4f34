"""The whole exception tree: whose fault it is, and whether a retry can help.

Promise: no library exception leaves an adapter; what leaves is one of these. Every class answers two questions by its
type alone,
``fault`` (who must mend it) and ``retry`` (what to do next), so that a policy never has to read a message text.

::

    P2pbotError
    ├── OperatorError             fault OPERATOR   retry NEVER        the merchant must act
    │   ├── UsageError                                                a wrong command line (exit 2)
    │   ├── ConfigError                                               settings, secrets, files (exit 78)
    │   │   └── RulesError                                            rule files that do not load
    │   ├── StateError                                                the state directory (exit 78)
    │   │   ├── StateLocked                                           another p2pbot uses it
    │   │   ├── StateTooNew                                           written by a newer p2pbot
    │   │   ├── StateDamaged                                          the database is not readable
    │   │   └── StateUnwritable                                       disk full, read-only, permissions
    │   ├── KeyRefused                             retry SLOWLY       the exchange refuses our key, address or
    permission
    │   └── LocationRefused                        retry SLOWLY       HTTP 451: not from this country
    ├── ExchangeError             fault EXCHANGE
    │   ├── ExchangeUnavailable                    retry BACKOFF      5xx, an empty 200, a page of HTML
    │   ├── RateLimited                            retry AFTER        429, 418: obey ``retry_after_s``
    │   ├── ClockSkew                              retry RESYNC       -1021: learn the clock offset, once
    │   ├── CredentialRefused                      retry BACKOFF      the chat socket refused our token: fetch a new one
    │   ├── AnswerMalformed                        retry BACKOFF      not the documented shape
    │   ├── UploadExpired                          retry BACKOFF      the address for a picture is too old: ask again
    │   ├── UploadRefused                          retry BACKOFF      the place for a picture does not take it
    │   └── RequestRefused                         retry NEVER        a refusal that the same request will meet again
    │       └── UploadForbidden                                       an address for a picture that we do not go to
    ├── NetworkError              fault NETWORK    retry BACKOFF
    │   ├── ConnectFailed                                             DNS, refused, unreachable, TLS
    │   ├── ConnectionLost                                            it was open and is gone
    │   └── TimedOut                                                  nothing within the deadline
    └── OurError                  fault OURS       retry NEVER        a bug: end, exit 1, let the supervisor restart
        └── IllegalTransition                                         a state machine met a pair it does not know
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who must mend it."""

    OPERATOR = "operator"
    EXCHANGE = "exchange"
    NETWORK = "network"
    OURS = "ours"


class Retry(StrEnum):
    """What a caller may do after the error."""

    NEVER = "never"
    SLOWLY = "slowly"
    BACKOFF = "backoff"
    AFTER = "after"
    RESYNC = "resync"


class P2pbotError(Exception):
    """The root. ``what`` says what happened in plain words, ``remedy`` what to do now (may be empty)."""

    fault: ClassVar[Fault] = Fault.OURS
    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Return one line for a person: what happened, then what to do."""
        return f"{self.what} – {self.remedy}" if self.remedy else self.what


class OperatorError(P2pbotError):
    """The merchant must act: configuration, rules, key, machine."""

    fault = Fault.OPERATOR


class UsageError(OperatorError):
    """The command line is wrong (exit 2)."""


class ConfigError(OperatorError):
    """Settings, secrets or files are wrong (exit 78). ``findings`` holds one ready line for each fault found."""

    def __init__(self, what: str, *, remedy: str = "", findings: tuple[str, ...] = ()) -> None:
        super().__init__(what, remedy=remedy)
        self.findings = findings


class RulesError(ConfigError):
    """Rule files do not load; ``findings`` are ``file:line:col: …`` texts, complete."""


class StateError(OperatorError):
    """The state directory cannot be used (exit 78)."""


class StateLocked(StateError):
    """Another p2pbot holds the state directory."""


class StateTooNew(StateError):
    """The database was written by a newer p2pbot: never touched, never guessed."""


class StateDamaged(StateError):
    """The database cannot be read; it is kept as it is."""


class StateUnwritable(StateError):
    """Disk full, read-only file system, or permissions (exit 1: starting again later may help)."""


class KeyRefused(OperatorError):
    """The exchange refuses our key, its permissions or our address (-2008, -2014, -2015, -1022, HTTP 401/403)."""

    retry = Retry.SLOWLY


class LocationRefused(OperatorError):
    """HTTP 451: the exchange does not serve this machine's country."""

    retry = Retry.SLOWLY


class ExchangeError(P2pbotError):
    """The exchange answered, and not with what we asked.

    ``code`` is its own code as text, ``status`` the HTTP status (0 = none).
    """

    fault = Fault.EXCHANGE
    retry = Retry.BACKOFF

    def __init__(self, what: str, *, remedy: str = "", code: str = "", status: int = 0) -> None:
        super().__init__(what, remedy=remedy)
        self.code = code
        self.status = status


class ExchangeUnavailable(ExchangeError):
    """5xx, an empty 200 (wrong path or not allowed), or a page instead of JSON."""


class RateLimited(ExchangeError):
    """HTTP 429 or 418; wait ``retry_after_s`` seconds before anything else. ``banned`` is True for 418."""

    retry = Retry.AFTER

    def __init__(
        self, what: str, *, retry_after_s: float, banned: bool = False, code: str = "", status: int = 429
    ) -> None:
        super().__init__(what, code=code, status=status)
        self.retry_after_s = retry_after_s
        self.banned = banned


class ClockSkew(ExchangeError):
    """-1021: our timestamp is outside recvWindow. Learn the offset again, retry once."""

    retry = Retry.RESYNC


class CredentialRefused(ExchangeError):
    """The chat socket refused our token (401, 403, 404 at the upgrade). A fresh credential is the cure."""


class AnswerMalformed(ExchangeError):
    """The answer is not of the documented shape."""


class RequestRefused(ExchangeError):
    """A refusal which the same request would meet again."""

    retry = Retry.NEVER


class UploadExpired(ExchangeError):
    """The presigned address is older than its life (300 s). A fresh one is the cure."""


class UploadRefused(ExchangeError):
    """The place answers the upload with something else than 200; ``code`` is S3's word, bounded."""


class UploadForbidden(RequestRefused):
    """The exchange named an address for uploads that the configuration does not allow; nothing was sent there."""


class NetworkError(P2pbotError):
    """The network between us and the exchange."""

    fault = Fault.NETWORK
    retry = Retry.BACKOFF


class ConnectFailed(NetworkError):
    """DNS, connection refused, unreachable, TLS: nothing was sent."""


class ConnectionLost(NetworkError):
    """An open connection is gone.

    ``code`` and ``reason`` are the WebSocket close's (1006 and '' when there was none).
    """

    def __init__(self, what: str, *, code: int = 1006, reason: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.reason = reason


class TimedOut(NetworkError):
    """No answer within the deadline; the outcome is unknown."""


class OurError(P2pbotError):
    """A bug in p2pbot."""

    fault = Fault.OURS


class IllegalTransition(OurError):
    """A state machine met an event that its table does not allow in this state."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine}: event {event!r} is not possible in state {state!r}")
        self.machine = machine
        self.state = state
        self.event = event
