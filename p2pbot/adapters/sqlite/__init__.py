"""The door to SQLite: the store on one file, and nothing else of the library outside this package."""

from p2pbot.adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
