"""The line to the running daemon, as the commands use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pbot.adapters.control_socket import ask_daemon
from p2pbot.config import Settings
from p2pbot.conversation.control import Ask, Refusal, Request, parse_answer, request_line
from p2pbot.errors import StateError, UsageError

_PATIENCE_S = {Ask.RELOAD: 300.0, Ask.FORGET: 900.0}  # ten thousand rules with tests; a file of gigabytes written anew
NO_DAEMON = "p2pbot does not run with this state directory, or has no control socket"


def asked(settings: Settings, request: Request) -> Mapping[str, Any] | None:
    """Return the daemon's answer, None when none listens. Raises UsageError in its words, and StateError."""
    line = ask_daemon(settings.state_dir, request_line(request), timeout_s=_PATIENCE_S.get(request.ask, 60.0))
    if line is None:
        return None
    answer = parse_answer(line)
    if isinstance(answer, Refusal):
        raise UsageError(answer.what, remedy=answer.remedy)
    return answer


def told(settings: Settings, request: Request) -> Mapping[str, Any]:
    """Return the daemon's answer. Raises StateError when none listens."""
    answer = asked(settings, request)
    if answer is None:
        raise StateError(NO_DAEMON, remedy="start it; p2pbot status shows whether it runs")
    return answer
