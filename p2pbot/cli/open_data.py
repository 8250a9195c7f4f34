"""``p2pbot open-data``: says who the customer is whose Mini Program sent a data token."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.open_data import OpenDataDoor
from p2pbot.adapters.open_ids import remember_order
from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rest import open_session
from p2pbot.adapters.secrets_source import resolve_mini_program
from p2pbot.adapters.tls import client_context
from p2pbot.cli.options import settings_of
from p2pbot.config import AccountSettings, OpenDataSettings, Settings
from p2pbot.errors import ConfigError, UsageError
from p2pbot.protocol.open_data import MiniProgram
from p2pbot.protocol.sealed_data import OpenDataKey
from p2pbot.secret import Secret

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_GOODBYE_S = 0.25  # a loop that ends before TLS has said goodbye leaves the connection open
_LONGEST_INPUT = 64 * 1024
_ORDER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ABOUT = """\
Asks the exchange who the customer is whose Mini Program sent a data token, and prints the open id and nothing else.
A data token lives two minutes. The answer is encrypted for you: it opens with the RSA private key of the account's
open_data. A key that is not the right one is told by what comes out, for decrypting with it does not fail.

--remember writes into the account's file open_ids that this order is the customer's; rules see it as
`when: {counterparty: {open_id: …}}`, in a daemon that runs at the next message. docs/open-data.md tells more."""
_MORE = """\
examples:
  p2pbot open-data "$TOKEN"
  your-backend-prints-the-token | p2pbot open-data - --remember 20476365073825144832

exit codes: 0 done, 1 the exchange refused or cannot be reached, 2 wrong command line,
            78 configuration or keys, also a private key that does not open the answer"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("open-data", help="who is a Mini Program's customer", description=_ABOUT, epilog=_MORE)
    parser.add_argument("token", metavar="TOKEN", help="the data token; - reads it from standard input")
    parser.add_argument("--account", metavar="NAME", help="whose Mini Program (needed if several accounts have one)")
    parser.add_argument("--remember", metavar="ORDER", help="note in open_ids that this order is the customer's")
    parser.set_defaults(handler=_open_data)


def _open_data(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    account, program = _account(settings, arguments.account)
    note = _note(account, arguments.remember) if arguments.remember else None
    open_id = asyncio.run(_asked(settings, account, program, Secret(_token(arguments.token))))
    if note:
        remember_order(*note, open_id)
    print(open_id)
    return 0


def _token(given: str) -> str:
    return sys.stdin.read(_LONGEST_INPUT).strip() if given == "-" else given


def _account(settings: Settings, wanted: str | None) -> tuple[AccountSettings, OpenDataSettings]:
    """Return the account whose Mini Program is meant. Raises UsageError and ConfigError."""
    accounts = (settings.account(wanted),) if wanted else settings.accounts
    found = [(account, account.open_data) for account in accounts if account.open_data]
    if not found:
        whose = f"account {wanted} has" if wanted else f"the accounts in {settings.file} have"
        raise ConfigError(f"{whose} no Mini Program", remedy="write open_data: in it, see docs/open-data.md")
    if len(found) > 1:
        names = ", ".join(account.name for account, _ in found)
        raise UsageError("several accounts have a Mini Program", remedy=f"add --account: {names}")
    return found[0]


def _note(account: AccountSettings, order_no: str) -> tuple[Path, str]:
    """Return where to note which order, asked before the token is spent."""
    if not _ORDER.fullmatch(order_no):
        raise UsageError("an order's number has digits only", remedy="copy it from the exchange")
    if account.open_ids is None:
        raise ConfigError(
            f"account {account.name} has no file of open ids", remedy="write open_ids: open-ids.yaml in it"
        )
    return account.open_ids, order_no


async def _asked(settings: Settings, account: AccountSettings, program: OpenDataSettings, token: Secret) -> str:
    """Ask, and open the answer. The private key is read first: a wrong one must not cost a token."""
    keys = await asyncio.to_thread(resolve_mini_program, account, os.environ)
    key = OpenDataKey(keys.private_key, keys.passphrase)
    async with open_session(client_context(settings.ca_file)) as session:
        door = OpenDataDoor(
            session,
            settings.exchange.open_data_url,
            MiniProgram(app_id=program.app_id, access_key=keys.access_key, secret_key=keys.secret_key),
            SystemClock(),
            SystemRng(),
            timeout_s=settings.timings.request_timeout.s,
        )
        sealed = await door.sealed(token)
    await asyncio.sleep(_GOODBYE_S)
    return key.open_id(sealed)
