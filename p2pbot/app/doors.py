"""Opens the doors for all accounts and closes them in the reverse order.

Promise: what must be refused is refused before anything is written: certificates and private keys are read before the
state directory.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from p2pbot.adapters.brake import PauseFile
from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.open_ids import OpenIdTable
from p2pbot.adapters.picture_archive import DiskArchive
from p2pbot.adapters.picture_fetch import TIMEOUT_S as FETCH_TIMEOUT_S
from p2pbot.adapters.picture_fetch import PictureFetch, place_of
from p2pbot.adapters.picture_shelf import DiskShelf
from p2pbot.adapters.rate_gate import RateGate
from p2pbot.adapters.rest import ExchangeRest, longest_call_s, open_session
from p2pbot.adapters.secrets_source import AccountKeys
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.upload import PictureUploader, open_upload_session
from p2pbot.adapters.wire import ChatWire
from p2pbot.config import AccountSettings, Settings
from p2pbot.daemon.progress import Progress
from p2pbot.daemon.surroundings import Doors
from p2pbot.daemon.watched import watched
from p2pbot.errors import OurError
from p2pbot.ports import Clock, Events, Notifier, Rng
from p2pbot.protocol.picture_places import PicturePlaces
from p2pbot.protocol.signing import Signer, hmac_signer, private_key_signer

_FLIGHT_SHARE = 0.75  # a write must have arrived or be gone for good before the history is asked for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fittings:
    """The doors that exist before the daemon opens: time, chance and words."""

    clock: Clock
    rng: Rng
    events: Events
    notifier: Notifier


@asynccontextmanager
async def open_doors(
    settings: Settings, keys: Mapping[str, AccountKeys], fittings: Fittings
) -> AsyncIterator[dict[str, Doors]]:
    """Give each account its doors. Raises ConfigError and StateError."""
    tls = client_context(settings.ca_file)
    signers = {name: signer_of(found) for name, found in keys.items()}
    async with AsyncExitStack() as stack:
        lease = stack.enter_context(FileLease(settings.state_dir))
        store = await SqliteStore.open(settings.database, lease)
        stack.push_async_callback(store.close)
        session = await stack.enter_async_context(open_session(tls))
        wire = _wire(settings, tls)
        uploader = await stack.enter_async_context(open_uploader(settings, tls))
        gate = RateGate(fittings.clock)  # one for all accounts: the exchange counts calls by address
        doors = {}
        for account in settings.accounts:
            key, signer = keys[account.name].api_key, signers[account.name]
            rest = partial(ExchangeRest, session, settings.exchange.rest_url, key, signer, gate=gate)
            timeout_s = settings.timings.request_timeout.s
            doors[account.name] = Doors(
                rest=rest(fittings.clock, fittings.rng, recv_window_ms=account.recv_window.ms, timeout_s=timeout_s),
                wire=wire,
                store=store,
                lease=lease,
                brake=PauseFile({account.name: account.rules}),
                clock=fittings.clock,
                rng=fittings.rng,
                events=fittings.events,
                notifier=fittings.notifier,
                uploader=uploader,
                shelf=DiskShelf(settings.state_dir, account.name),
                pictures=PictureFetch(session, _picture_places(settings)),
                archive=_archive(settings, account.name),
                customers=_customers(account, fittings.events),
            )
        yield doors


def watched_doors(doors: Doors, progress: Progress, settings: Settings) -> Doors:
    """Return an account's doors that say for its loops how long they wait at most."""
    timings = settings.timings
    return watched(
        doors,
        progress,
        call_s=longest_call_s(timings.request_timeout.s),
        connect_s=timings.connect_timeout.s,
        upload_s=timings.upload_timeout.s,
        fetch_s=FETCH_TIMEOUT_S,
    )


def _picture_places(settings: Settings) -> PicturePlaces:
    return PicturePlaces(settings.exchange.picture_hosts, place_of(str(settings.exchange.rest_url)))


def _archive(settings: Settings, account: str) -> DiskArchive | None:
    """Return where an account's received pictures are kept, None when they are not."""
    wanted = settings.archive
    root = settings.state_dir / "archive" / account
    most_bytes = wanted.room_mib * 1024 * 1024
    return DiskArchive(root, keep_ms=settings.retention.images.ms, most_bytes=most_bytes) if wanted.pictures else None


def _customers(account: AccountSettings, events: Events) -> OpenIdTable | None:
    return OpenIdTable(account.open_ids, account.name, events) if account.open_ids else None


def _wire(settings: Settings, tls: ssl.SSLContext) -> ChatWire:
    flight_s = settings.timings.settle_after.s * _FLIGHT_SHARE
    return ChatWire(tls, open_timeout_s=settings.timings.connect_timeout.s, flight_s=flight_s)


@asynccontextmanager
async def open_uploader(settings: Settings, tls: ssl.SSLContext) -> AsyncIterator[PictureUploader]:
    """Give the door for uploads a session of its own, which knows no key."""
    places = PicturePlaces(settings.exchange.upload_hosts, place_of(str(settings.exchange.rest_url)))
    async with open_upload_session(tls) as session:
        yield PictureUploader(session, places, timeout_s=settings.timings.upload_timeout.s)


def signer_of(keys: AccountKeys) -> Signer:
    """Return the signer for an account's secret. Raises ConfigError when a private key cannot be read."""
    if keys.hmac_secret is not None:
        return hmac_signer(keys.hmac_secret)
    if keys.private_key is not None:
        return private_key_signer(keys.private_key, keys.passphrase)
    raise OurError("an account without a secret came through the configuration")
