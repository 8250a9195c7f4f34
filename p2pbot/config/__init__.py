"""Settings: what a merchant wrote, checked, complete, with every fault of it at its place.

Promise: ``load_settings`` gives settings that need no second look, or all findings at once; no secret is in them.
"""

from __future__ import annotations

from p2pbot.config.console import Console
from p2pbot.config.durations import Duration
from p2pbot.config.endpoints import Exchange
from p2pbot.config.files import load_settings
from p2pbot.config.keys import SecretSource, SourceKind
from p2pbot.config.notifications import Notifications, Service
from p2pbot.config.open_data import OpenDataSettings
from p2pbot.config.retention import Retention
from p2pbot.config.schema import Limits, Log, Pictures, Takeover, Timings
from p2pbot.config.settings import AccountSettings, Places, Settings, parse_settings
from p2pbot.config.streams import Futures, Spot

__all__ = [
    "AccountSettings",
    "Console",
    "Duration",
    "Exchange",
    "Futures",
    "Limits",
    "Log",
    "Notifications",
    "OpenDataSettings",
    "Pictures",
    "Places",
    "Retention",
    "SecretSource",
    "Service",
    "Settings",
    "SourceKind",
    "Spot",
    "Takeover",
    "Timings",
    "load_settings",
    "parse_settings",
]
