"""The listenKeys of the private streams: one of each kind per account, shared by everything that uses the account.

Promise: a start while one is active gives the same key and extends it; nobody's socket owns it.
Danger: a key is a bearer secret, simulated or not; it stays out of every repr, record and log.
Source: futures and user-data notes sections 1 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pbot.sandbox.chance import Chance, hex_text


@dataclass(slots=True)
class ListenKey:
    """One key, alive until ``expires_ms`` (our clock)."""

    text: str = field(repr=False)
    made_ms: int
    expires_ms: int


class KeyRing:
    """The key of one account and kind."""

    def __init__(self, life_ms: int) -> None:
        self._life_ms = life_ms
        self._key: ListenKey | None = None

    def start(self, now_ms: int, rng: Chance) -> ListenKey:
        """Return the active key, extended, or a new one."""
        key = self.keep(now_ms)
        if key is None:
            key = self._key = ListenKey(hex_text(rng, 64), now_ms, now_ms + self._life_ms)
        return key

    def keep(self, now_ms: int, text: str = "") -> ListenKey | None:
        """Extend the active key; None if there is none, or if it is not the one that ``text`` names."""
        key = self.live(now_ms)
        if key is None or text not in ("", key.text):
            return None
        key.expires_ms = now_ms + self._life_ms
        return key

    def live(self, now_ms: int) -> ListenKey | None:
        """Return the active key."""
        return self._key if self._key and now_ms < self._key.expires_ms else None

    def end(self) -> ListenKey | None:
        """Forget the key, expired or not; return what it was."""
        key, self._key = self._key, None
        return key

    def is_current(self, key: ListenKey) -> bool:
        """Whether ``key`` is the one that is kept here, expired or not."""
        return self._key is key

    @property
    def text(self) -> str | None:
        """The key that is kept here, expired or not; None without one."""
        return self._key.text if self._key else None
