"""Where a chat's pictures may be fetched from: the hosts of the configuration, encrypted, and nowhere else.

Promise: pure; a place is judged by its parts as the library that will call it has parsed them, never by its text.
Danger: a picture's address comes from strangers. Without this list it could name any service in the merchant's network.
Source: received frames that were published show ``https://bin.bnbstatic.com/client_upload/c2c/chat/…``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

USUAL_HOSTS = ("*.bnbstatic.com",)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+(?::[0-9]{{1,5}})?|localhost(?::[0-9]{{1,5}})?")
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of an address that decide whether we go there. ``has_user``: it carries a user name."""

    scheme: str
    host: str
    port: int | None
    has_user: bool = False


@dataclass(frozen=True, slots=True)
class PicturePlaces:
    """The hosts that may show us pictures: ``host``, ``*.domain`` (its subdomains), either with ``:port``.

    ``own``: the exchange's REST interface, whose own host and port are allowed too (the sandbox shows pictures there).
    """

    hosts: tuple[str, ...] = USUAL_HOSTS
    own: Place | None = None

    def refusal(self, place: Place) -> str:
        """Return why we do not go to ``place``, '' if we do."""
        if place.has_user:
            return "its address holds a user name"
        if self.own and (place.scheme, place.host, place.port) == (self.own.scheme, self.own.host, self.own.port):
            return ""
        if place.scheme != "https":
            return "its address is not encrypted (https)"
        host, port = place.host.lower().rstrip("."), place.port or _HTTPS_PORT
        if any(_covers(pattern, host, port) for pattern in self.hosts):
            return ""
        return "its host is not in exchange.picture_hosts"


def is_host(text: str) -> bool:
    """Whether ``text`` may stand in the list of hosts."""
    return bool(_HOST.fullmatch(text)) and len(text) <= 260  # noqa: PLR2004 - a name has at most 253 characters


def _covers(pattern: str, host: str, port: int) -> bool:
    name, _, wanted_port = pattern.partition(":")
    if port != int(wanted_port or _HTTPS_PORT):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
