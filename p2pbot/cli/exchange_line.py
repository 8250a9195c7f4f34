"""A line to the exchange for commands that look something up: one account, REST and pictures, nothing written.

Promise: which account an order belongs to is asked of the person, else of the store, never guessed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.picture_fetch import PictureFetch, place_of
from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rest import ExchangeRest, open_session
from p2pbot.adapters.secrets_source import resolve_keys
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.tls import client_context
from p2pbot.app.doors import signer_of
from p2pbot.cli import options
from p2pbot.config import AccountSettings, Settings
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.errors import StateError
from p2pbot.ports import Rest
from p2pbot.protocol.picture_places import PicturePlaces

_MOST_RECORDS = 20_000  # of one order; as much as is read of its history


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeLine:
    """The doors to the exchange for one account."""

    account: str
    rest: Rest
    pictures: PictureFetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the store knows of an order. ``known`` False: there is no store to ask."""

    entries: tuple[InboxEntry, ...] = ()
    replies: tuple[OutboxRow, ...] = ()
    known: bool = True

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts that have heard of the order."""
        return frozenset({entry.account for entry in self.entries} | {row.account for row in self.replies})


@asynccontextmanager
async def exchange_line(settings: Settings, account: AccountSettings) -> AsyncIterator[ExchangeLine]:
    """Open the line. Raises ConfigError when a key cannot be read."""
    keys = await asyncio.to_thread(resolve_keys, account, os.environ)
    async with open_session(client_context(settings.ca_file)) as session:
        rest = ExchangeRest(
            session,
            settings.exchange.rest_url,
            keys.api_key,
            signer_of(keys),
            SystemClock(),
            SystemRng(),
            recv_window_ms=account.recv_window.ms,
            timeout_s=settings.timings.request_timeout.s,
        )
        yield ExchangeLine(account=account.name, rest=rest, pictures=PictureFetch(session, places_of(settings)))


def places_of(settings: Settings) -> PicturePlaces:
    """Return where pictures may be fetched from."""
    return PicturePlaces(settings.exchange.picture_hosts, place_of(settings.exchange.rest_url))


async def remembered(settings: Settings, order_no: str) -> Remembered:
    """Return what the store knows of an order; a store that cannot be read knows nothing."""
    try:
        store = await SqliteStore.open_readonly(settings.database)
    except StateError:
        return Remembered(known=False)
    try:
        entries = await store.inbox(order_no, limit=_MOST_RECORDS)
        return Remembered(entries=entries, replies=await store.outbox(order_no, limit=_MOST_RECORDS))
    finally:
        await store.close()


def account_of(settings: Settings, order_no: str, wanted: str | None, known: Remembered) -> AccountSettings:
    """Return the account that an order belongs to. Raises UsageError when that cannot be told."""
    doubt = f"which account's order is {order_no[:40]}? p2pbot has not heard of it"
    return options.account_of(settings, wanted, among=known.accounts, doubt=doubt)
