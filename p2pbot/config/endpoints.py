"""Where the exchange is: every address of it, encrypted, or plain on this machine alone (for the sandbox)."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator

from p2pbot.config.part import Part
from p2pbot.config.streams import USUAL_EVENTS, Events, StreamPath
from p2pbot.document import complaint
from p2pbot.protocol.picture_places import USUAL_HOSTS, is_host
from p2pbot.protocol.uploads import USUAL_UPLOAD_HOSTS

_LONGEST_URL = 2048
_MOST_HOSTS = 20
_PLAIN = {"https": "http", "wss": "ws"}


def _address(scheme: str) -> AfterValidator:
    """Return a check for an address of ``scheme``; its unencrypted twin is good enough on loopback only."""

    def check(text: str) -> str:
        parts = _split(text, scheme)
        if parts.scheme != scheme and not (parts.scheme == _PLAIN[scheme] and _is_loopback(parts.hostname or "")):
            raise complaint(
                f"the address must start with {scheme}:// ({_PLAIN[scheme]}:// is allowed on 127.0.0.1 only): "
                "keys and chat would travel in the open"
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise complaint("the address must have no user name, no ? and no #")
        return text.rstrip("/")

    return AfterValidator(check)


def _split(text: str, scheme: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise complaint(f"this is not an address such as {scheme}://host:443") from None
    odd = len(text) > _LONGEST_URL or not text.isascii() or any(char <= " " for char in text)
    if odd or not parts.hostname or port == 0:
        raise complaint(f"this is not an address such as {scheme}://host:443")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if len(hosts) > _MOST_HOSTS:
        raise complaint(f"more than {_MOST_HOSTS} hosts")
    for host in hosts:
        if not is_host(host):
            raise complaint(
                f"`{host[:80]}` is not a host", hint="write bin.bnbstatic.com, *.bnbstatic.com or host.example:8443"
            )
    return hosts


RestUrl = Annotated[str, _address("https")]
SocketUrl = Annotated[str, _address("wss")]


class Exchange(Part):
    """The exchange's addresses; the chat's own comes with its credential. ``ca_file``: the only authorities trusted.

    ``picture_hosts``: where the pictures of a chat may be fetched from, besides the REST interface's own host;
    ``upload_hosts``: where ours may be uploaded to. ``futures_events``: what stands for ``{events}`` in the path.
    """

    rest_url: RestUrl = "https://api.binance.com"
    futures_rest_url: RestUrl = "https://fapi.binance.com"
    ws_api_url: SocketUrl = "wss://ws-fapi.binance.com/ws-fapi/v1"
    spot_ws_api_url: SocketUrl = "wss://ws-api.binance.com:443/ws-api/v3"
    spot_stream_url: SocketUrl = "wss://stream.binance.com:9443"
    futures_stream_url: SocketUrl = "wss://fstream.binance.com"
    futures_stream_path: StreamPath = "/private/ws?listenKey={listen_key}&events={events}"
    futures_events: Events = USUAL_EVENTS
    spot_stream_path: StreamPath = "/ws/{listen_key}"
    open_data_url: RestUrl = "https://dip-cb.binanceapi.com"
    picture_hosts: Annotated[tuple[str, ...], AfterValidator(_hosts)] = USUAL_HOSTS
    upload_hosts: Annotated[tuple[str, ...], AfterValidator(_hosts)] = USUAL_UPLOAD_HOSTS
    ca_file: str | None = None
