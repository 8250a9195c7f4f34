"""A word to the operator, and what it can be about. Everybody else imports both from ``p2pbot.model``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a word to the operator is about: the configuration chooses by it; see docs/notifications.md."""

    HANDOVER = "handover"
    RULE = "rule"
    APPEAL = "appeal"
    LIMIT = "limit"
    REJECTED = "rejected"
    UNSENT = "unsent"
    IN_DOUBT = "in_doubt"
    KEY_REFUSED = "key_refused"
    ANOTHER_CLIENT = "another_client"
    DEAF = "deaf"
    RULES = "rules"
    DISK = "disk"
    ENDED = "ended"
    SUMMARY = "summary"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A word to the operator. ``key`` groups repeats; ``text`` holds no secret, no bank data, no real name."""

    key: str
    text: str
    account: str = ""
    order_no: str = ""
    urgent: bool = False
    topic: Topic = Topic.OTHER
