"""The address of a user-data stream: the configuration's root and path, the key, the events.

Promise: nothing but the configured host is ever named; what the exchange sends stands in it encoded.
Danger: the address holds the listenKey, a bearer secret; it leaves this module as a ``Secret`` only.
Source: the futures and user-data notes, section 1: on a wrong route the exchange accepts and then stays silent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from p2pbot.errors import ConfigError
from p2pbot.protocol.user_data_frames import FUTURES_EVENTS
from p2pbot.secret import Secret

FUTURES_PATH = "/private/ws?listenKey={listen_key}&events={events}"
SPOT_PATH = "/ws/{listen_key}"
_PLACES = frozenset({"listen_key", "events"})
_PLACE = re.compile(r"\{([^{}]*)\}")


def stream_address(root: str, path: str, listen_key: Secret, events: Sequence[str] = FUTURES_EVENTS) -> Secret:
    """Return where one connect goes. Raises ConfigError as ``check_stream_address`` does."""
    check_stream_address(root, path)
    filled = path.replace("{events}", quote("/".join(events), safe="/"))
    return Secret(root.strip().rstrip("/") + filled.replace("{listen_key}", quote(listen_key.reveal(), safe="")))


def check_stream_address(root: str, path: str) -> None:
    """Raise ConfigError unless root and path make an address (``ws://`` passes on loopback only: the sandbox)."""
    places = set(_PLACE.findall(path))
    bare = _PLACE.sub("", path)
    if "listen_key" not in places or places - _PLACES or "{" in bare or "}" in bare:
        raise ConfigError(
            "the path of a user-data stream must hold {listen_key}, may hold {events}, and nothing else in braces",
            remedy=f"the usual one is {FUTURES_PATH} (futures) or {SPOT_PATH} (spot)",
        )
    if not path.startswith("/") or not _is_one_word(path) or not _is_safe(root.strip()):
        raise ConfigError(
            "the address of a user-data stream is not a wss:// address and a path that begins with /",
            remedy="set it as in config.example.yaml",
        )


def _is_safe(root: str) -> bool:
    try:
        parts = urlsplit(root)
        host = parts.hostname or ""
        trusted = parts.scheme == "wss" or (parts.scheme == "ws" and _is_loopback(host))
        plain = parts.username is None and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    return trusted and plain and bool(host) and _is_one_word(root)


def _is_one_word(text: str) -> bool:
    """Whether it can stand in the first line of a request."""
    return text.isascii() and text.isprintable() and " " not in text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
