"""From settings to the numbers by which an account's loops run."""

from __future__ import annotations

from p2pbot.app.context import sources_of
from p2pbot.config import AccountSettings, Settings
from p2pbot.conversation.decision import Policy
from p2pbot.conversation.delivery import DeliveryPolicy
from p2pbot.conversation.inbox import InboxPolicy
from p2pbot.conversation.limits import Caps
from p2pbot.conversation.pictures import UploadPolicy
from p2pbot.daemon.surroundings import AccountPlan, Timings

_CLOCKS_MS = 300_000  # our clock may be so far behind the exchange's, which stamps messages
_CALL_MARGIN_MS = 5_000  # a call may have waited for its turn before it was sent


def plan_of(account: AccountSettings, settings: Settings, moved_in_ms: int = 0) -> AccountPlan:
    """Return the numbers by which an account runs; ``moved_in_ms`` as in ``AccountPlan``."""
    limits, timings = account.limits, settings.timings
    caps = Caps(
        order_replies_per_hour=limits.order_replies_per_hour,
        counterparty_replies_per_day=limits.counterparty_replies_per_day,
        account_replies_per_minute=limits.account_replies_per_minute,
        breaker=limits.breaker,
    )
    delivery = DeliveryPolicy(
        order_spacing_ms=timings.order_spacing.ms,
        account_spacing_ms=timings.account_spacing.ms,
        echo_timeout_ms=timings.echo_timeout.ms,
        settle_ms=timings.settle_after.ms,
    )
    return AccountPlan(
        name=account.name,
        moved_in_ms=moved_in_ms,
        policy=Policy(
            inbox=_inbox(account, settings, moved_in_ms),
            caps=caps,
            mode=account.mode,
            reply_expires_ms=limits.reply_expires.ms,
            picture_expires_ms=settings.pictures.expires.ms,
        ),
        delivery=delivery,
        uploads=UploadPolicy(
            presigns_per_minute=settings.pictures.uploads_per_minute,
            reuse_ms=settings.pictures.reuse_ms,
            longest_call_ms=timings.request_timeout.ms + _CALL_MARGIN_MS,
        ),
        timings=Timings(
            order_poll_s=timings.order_poll.s,
            facts_max_age_s=timings.facts_max_age.s,
            chat_renewal_s=timings.chat_renewal.s,
            idle_timeout_s=timings.idle_timeout.s,
            history_margin_s=timings.settle_after.s,
        ),
        sources=sources_of(account),
    )


def _inbox(account: AccountSettings, settings: Settings, moved_in_ms: int) -> InboxPolicy:
    return InboxPolicy(
        max_age_ms=account.limits.max_age.ms,
        takeover_mute_ms=settings.takeover.mute_ms,
        moved_in_ms=moved_in_ms + _CLOCKS_MS if moved_in_ms else 0,
    )
