"""``p2pbot send``: a text into an order's chat, by hand, through the running daemon."""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from typing import TYPE_CHECKING

from p2pbot.cli.daemon_line import asked, told
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import shown
from p2pbot.cli.pause import order_number
from p2pbot.cli.words import STATES, reason_words
from p2pbot.config import Settings
from p2pbot.conversation.control import ALL, Ask, Refusal, Request, parse_request, request_line
from p2pbot.conversation.records import OutboxState
from p2pbot.errors import UsageError
from p2pbot.model import Reason

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

WATCH_S = 20.0  # a reply is settled within some seconds; longer, and the way to look later is told
_LOOK_S = 0.5
_ABOUT = """\
Sends a text into an order's chat. It goes the way of every reply: it is written down first, sent once, and what is in
doubt is looked up in the chat's history. It counts as your word: the order is left to you as if you had written in the
app (takeover: in the configuration), until `p2pbot unmute ORDER`. It needs a running daemon in mode live.
Without --yes it shows what it would do."""
_MORE = """\
examples:
  p2pbot send 20476365073825144832 "Your payment has arrived, I release now."
  p2pbot send 20476365073825144832 "Your payment has arrived, I release now." --yes
  echo "One moment please." | p2pbot send 20476365073825144832 - --yes

exit codes: 0 sent, 1 not sent (it says why) or --yes is missing, 2 refused or a wrong command line,
78 configuration, or no daemon runs"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("send", help="a text into an order's chat", description=_ABOUT, epilog=_MORE)
    parser.add_argument("order", metavar="ORDER", help="the order's number")
    parser.add_argument("text", metavar="TEXT", help="what to say, 1000 characters at most; - reads standard input")
    parser.add_argument("--account", metavar="NAME", help="whose order it is, if p2pbot has not heard of it")
    parser.add_argument("--yes", action="store_true", help="send it")
    parser.set_defaults(handler=_send)


def _send(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    request = Request(
        ask=Ask.SEND,
        order=order_number(arguments.order),
        account=settings.account(arguments.account).name if arguments.account else ALL,
        text=_text(arguments.text),
        key=str(uuid.uuid4()),
    )
    understood = parse_request(request_line(request))
    if isinstance(understood, Refusal):
        raise UsageError(understood.what, remedy=understood.remedy)
    if not arguments.yes:
        print(f"This would be sent in order {request.order}, and the order would be left to you:")
        for line in request.text.split("\n"):
            print(f"  {shown(line)}")
        print("Nothing was sent; add --yes to send it.")
        return 1
    answer = told(settings, request)
    return watched(settings, request.order, int(answer["seq"]))


def _text(given: str) -> str:
    if given != "-":
        return given
    return sys.stdin.read(20_000).rstrip("\n")


def watched(settings: Settings, order_no: str, seq: int) -> int:
    """Say what becomes of a reply, until it has met its end or patience is over; return the exit code."""
    deadline_s = time.monotonic() + WATCH_S
    print(f"Written down as reply {seq} of order {order_no}.")
    state, why = _state(settings, order_no, seq)
    while not state.is_final and time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)
        state, why = _state(settings, order_no, seq)
    later = "" if state.is_final else f" (p2pbot why {order_no} tells more later)"
    print(f"{STATES[state]}{why}{later}")
    return 0 if state is OutboxState.SENT else 1


def _state(settings: Settings, order_no: str, seq: int) -> tuple[OutboxState, str]:
    """Return a reply's state and its reason in words; in doubt if the daemon has gone meanwhile."""
    answer = asked(settings, Request(ask=Ask.OUTBOX, order=order_no))
    for row in answer["replies"] if answer else ():
        if row["seq"] == seq:
            why = f": {reason_words(Reason(row['reason']))}" if row["reason"] else ""
            return OutboxState(row["state"]), why
    return OutboxState.UNKNOWN, ""
