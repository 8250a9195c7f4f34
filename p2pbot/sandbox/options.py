"""What a simulated exchange is made of: its accounts, its habits, and the orders that are opened on it.

Promise: plain frozen values with defaults that make a working world; nothing here acts.
Danger: ``hmac_secret`` and bank fields are kept out of every ``repr``, made up or not, so that logs stay clean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from p2pbot.model import Side

_MOST_HURRY = 100_000  # the shortest of them is then 2 ms
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")  # it becomes part of file names and URLs


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAccount:
    """One merchant account of the simulated exchange.

    Give ``hmac_secret``, or ``public_key_pem`` (RSA or Ed25519), or both. ``p2p_allowed`` and ``address_allowed``
    False make every signed call answer -2015 (P2P's calls alone in the first case); ``merchant`` False makes chat calls
    answer an empty 200. ``key_rights`` are the flags that ``apiRestrictions`` shows as true. ``futures_wallet`` and
    ``spot_free`` are (asset, amount): what the account holds at the start.
    """

    name: str
    api_key: str = field(repr=False)
    hmac_secret: str = field(default="", repr=False)
    public_key_pem: str = field(default="", repr=False)
    nickname: str = "our-shop"
    user_id: str = "700001"
    p2p_allowed: bool = True
    address_allowed: bool = True
    merchant: bool = True
    key_rights: tuple[str, ...] = ("ipRestrict", "enableReading")
    futures_wallet: tuple[tuple[str, Decimal], ...] = (("USDT", Decimal(1000)),)
    spot_free: tuple[tuple[str, Decimal], ...] = (("USDT", Decimal(500)),)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"an account's name is letters, digits, - and _, at most 40, not {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxMiniProgram:
    """One Mini Program: its two keys, and the RSA public key (PEM) to which open data are encrypted.

    ``url_safe``, ``padded``: how the base64 of an answer is written. ``error_status``: HTTP's, of refusals.
    """

    app_id: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    public_key_pem: str = field(repr=False)
    url_safe: bool = False
    padded: bool = True
    error_status: int = 200


class SecondSocket(StrEnum):
    """What happens when a second socket opens on the same listenKey (both were reported)."""

    BYE = "bye"  # the older one is closed with the reason ``Bye``
    ALLOW = "allow"  # both live


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldOptions:
    """The habits of the world. Each one that the documents leave open is a switch here.

    A message is in the history ``history_lag_ms`` plus up to ``history_lag_jitter_ms`` after it was made.
    ``variety``: orders differ in every detail that a client must tolerate, and noise and repeats occur.
    ``payment_expiry``: an unpaid order is cancelled by the system at its deadline.
    ``content_monitor``: texts with links or messenger handles are refused with UNTRUSTED_URL.
    ``link_life_ms``, ``ping_every_ms``, ``pong_within_ms`` and ``listen_key_life_ms`` are the exchange's 24 h, 3 min,
    10 min and 60 min: make them short to see what comes then. ``spot_listen_keys``: spot's old listenKeys are served.
    """

    accounts: tuple[SandboxAccount, ...]
    history_lag_ms: int = 1000
    history_lag_jitter_ms: int = 0
    echo_probability: float = 1.0
    second_socket: SecondSocket = SecondSocket.BYE
    deduplicate_uuid: bool = False
    variety: bool = True
    payment_expiry: bool = False
    content_monitor: bool = True
    presigns_per_minute: int = 36
    upload_life_ms: int = 300_000
    link_life_ms: int = 24 * 3_600_000
    ping_every_ms: int = 3 * 60_000
    pong_within_ms: int = 10 * 60_000
    listen_key_life_ms: int = 60 * 60_000
    spot_listen_keys: bool = False
    mini_programs: tuple[SandboxMiniProgram, ...] = ()

    def __post_init__(self) -> None:
        names = [account.name for account in self.accounts]
        keys = [account.api_key for account in self.accounts]
        if not names or len(set(names)) < len(names) or len(set(keys)) < len(keys):
            raise ValueError("a sandbox needs accounts, each with its own name and API key")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions(WorldOptions):
    """The world's habits and where it is served. ``port`` 0 takes a free one; ``host`` must be a loopback address."""

    directory: Path
    host: str = "127.0.0.1"
    port: int = 0
    tls: bool = True
    seed: int = 1


def hurried(options: SandboxOptions, times: int) -> SandboxOptions:
    """Return the options with the exchange's long times so many times shorter. Raises ValueError beyond the bounds."""
    if not 1 <= times <= _MOST_HURRY:
        raise ValueError(f"an exchange can hurry 1 to {_MOST_HURRY} times")
    return replace(
        options,
        link_life_ms=options.link_life_ms // times,
        ping_every_ms=options.ping_every_ms // times,
        pong_within_ms=options.pong_within_ms // times,
        listen_key_life_ms=options.listen_key_life_ms // times,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSpec:
    """A way to pay: ``fields`` are (label, content type, value), as a bank form has them."""

    method_id: str = "31001"
    identifier: str = "BANK"
    name: str = "Bank Transfer"
    fields: tuple[tuple[str, str, str], ...] = field(
        default=(
            ("Name", "payee", "SIMULATED PAYEE"),
            ("Bank name", "bank", "Simulated Bank"),
            ("Bank account/Card number", "pay_account", "0000-SIMULATED-0000"),
        ),
        repr=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSpec:
    """The counterparty. Shares (``finish_rate``) run from 0 to 1; an empty nickname is made up."""

    nickname: str = ""
    real_name: str = field(default="SIMULATED PERSON", repr=False)
    orders: int = 120
    orders_30d: int = 14
    finish_rate: Decimal = Decimal("0.982")
    finish_rate_30d: Decimal = Decimal("0.991")
    trades_with_us: int = 0
    registered_days: int = 420


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one order's data look on the wire: every form that was reported, and the plain one as default."""

    socket_id_is_number: bool = False
    history_id_is_number: bool = False
    nickname_key: str = "fromNickName"
    names_order: bool = True  # False: ``topicId`` alone says which order
    event_suffix: str = ""
    trader_role: str = "merchant"
    appeal_number: int = 3
    pay_fields_key: str = "fields"
    fragments: int = 1
    history_breaks: bool = False  # True: line breaks come as <br> in the history
    stray_rows: bool = False  # True: the history slips in a row of another order
    system_says_self: bool = True  # False: system frames have no ``self``


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSpec:
    """An order to open. ``side`` is ours: SELL means that the counterparty pays.

    ``number`` and ``dialect`` are made up unless given. ``total`` defaults to amount × price. ``auto_reply`` is a text
    that the counterparty's client sends by itself after each message of ours. ``kyc`` asks for verification first.
    ``age_ms`` dates the order back.
    """

    side: Side = Side.SELL
    asset: str = "USDT"
    fiat: str = "USD"
    fiat_symbol: str = "$"
    amount: Decimal = Decimal("100.00")
    price: Decimal = Decimal("1.01")
    total: Decimal | None = None
    number: str = ""
    advertisement: str = "11520000000000000001"
    counterparty: PersonSpec = field(default_factory=PersonSpec)
    payment_methods: tuple[PaymentSpec, ...] = (PaymentSpec(),)
    pay_window_ms: int = 15 * 60_000
    release_window_ms: int = 15 * 60_000
    warn_before_ms: int = 5 * 60_000
    kyc: bool = False
    chat_enabled: bool = True
    auto_reply: str = ""
    remark: str = ""
    age_ms: int = 0
    dialect: Dialect | None = None
