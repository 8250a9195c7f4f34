"""What the reasons and states of the records mean, for a person."""

from __future__ import annotations

from p2pbot.conversation.records import ActionWord, OutboxState
from p2pbot.model import Reason
from p2pbot.rules.verdict import Outcome, RuleTrace

REASONS = {
    Reason.ANSWERED: "answered",
    Reason.SHADOW: "would have been answered; the mode is shadow, so nothing was sent",
    Reason.NO_RULE: "no rule wanted to answer",
    Reason.LIMITED: "a rule wanted to answer, but it has spoken as often as its limit allows",
    Reason.STOPPED: "a rule said: stay silent",
    Reason.DEBOUNCED: "more came at once; it was answered together with the message after it",
    Reason.OWN_ECHO: "our own message, come back from the exchange",
    Reason.OPERATOR_MESSAGE: "a person wrote this from our account",
    Reason.SENDER_UNKNOWN: "the exchange did not say who wrote it; such a message is never answered",
    Reason.AUTO_REPLY: "the counterparty's automatic reply; machines are never answered",
    Reason.SYSTEM_MESSAGE: "a card of the exchange",
    Reason.NOT_A_MESSAGE: "nothing that a person typed",
    Reason.QUOTES_US: "it quotes our own text; probably a machine",
    Reason.MACHINE_FAST: "it came too soon after ours to be typed; probably a machine",
    Reason.TOO_OLD: "it was too old when p2pbot learnt of it (limits: max_age)",
    Reason.BACKLOG: "it came before p2pbot did, and people have talked since",
    Reason.PAUSED: "p2pbot was paused",
    Reason.MUTED: "the order was handed over to a person, by a rule or by p2pbot mute",
    Reason.TAKEN_OVER: "a person has taken the order over",
    Reason.IN_APPEAL: "the order is in appeal; p2pbot never speaks there",
    Reason.ORDER_UNKNOWN: "the facts of the order could not be learnt",
    Reason.BREAKER: "we had said enough without hearing anything new; the order is left to you (limits: breaker)",
    Reason.CAP_ORDER: "enough replies in this order for an hour (limits: order_replies_per_hour)",
    Reason.CAP_COUNTERPARTY: "enough replies to this person for a day (limits: counterparty_replies_per_day)",
    Reason.CAP_ACCOUNT: "enough replies of this account for a minute (limits: account_replies_per_minute)",
    Reason.RENDER_FAILED: "a text of the rule could not be filled in",
    Reason.ECHOED: "the chat showed it",
    Reason.FOUND_IN_HISTORY: "the chat's history shows it",
    Reason.NOT_IN_HISTORY: "the chat's history does not show it",
    Reason.REJECTED_BY_EXCHANGE: "the exchange refused the text",
    Reason.REJECTED_PASSING: "the exchange refused it for the moment",
    Reason.NO_ECHO: "the chat did not confirm it in time",
    Reason.CONNECTION_LOST: "the connection was lost while it was sent",
    Reason.CRASHED: "p2pbot ended while it was sent",
    Reason.LATE: "it had become too late (limits: reply_expires)",
    Reason.ORDER_CHANGED: "the order had changed meanwhile",
    Reason.ATTEMPTS_EXHAUSTED: "it was tried as often as is decent",
    Reason.UPLOAD_FAILED: "its picture could not be uploaded",
    Reason.PICTURE_GONE: "its picture is not in the state directory any more",
    Reason.DROPPED_BY_HAND: "a person dropped it (p2pbot outbox drop)",
}
STATES = {
    OutboxState.CLAIMED: "waits to be sent",
    OutboxState.SENDING: "is being sent",
    OutboxState.UNKNOWN: "in doubt; the chat's history will tell",
    OutboxState.SENT: "sent",
    OutboxState.REJECTED: "refused by the exchange",
    OutboxState.DROPPED: "not sent",
    OutboxState.SHADOW: "not sent, the mode is shadow",
}
ACTIONS = {
    ActionWord.PAUSE: "paused",
    ActionWord.RESUME: "pause ended",
    ActionWord.MUTE: "left to a person",
    ActionWord.UNMUTE: "taken back",
    ActionWord.SEND: "a text was sent",
    ActionWord.RETRY: "a reply was tried again",
    ActionWord.DROP: "a reply was dropped",
    ActionWord.RELOAD: "rules were read again",
    ActionWord.FORGET: "an order or a person was forgotten",
    ActionWord.RESTORE: "a backup was restored",
    ActionWord.MOVED_IN: "p2pbot began to run on the restored backup",
}
OUTCOMES = {
    Outcome.FIRED: "spoke",
    Outcome.NO: "no",
    Outcome.UNKNOWN: "a fact was not known",
    Outcome.LIMITED: "at its limit",
    Outcome.NOT_REACHED: "another rule came first",
}


def reason_words(reason: Reason | None) -> str:
    """Return what a reason means; one of a newer version is shown by its name."""
    return REASONS.get(reason, reason.value.replace("_", " ")) if reason else ""


def rule_words(trace: RuleTrace) -> str:
    """Return what a rule's line of a trace says: ``no – when.side: wanted sell, is buy``."""
    said = OUTCOMES.get(trace.outcome, trace.outcome.value)
    if not trace.check:
        return said
    wanted = f": wanted {trace.wanted}" if trace.wanted else ""
    actual = f", is {trace.actual}" if trace.actual else ""
    return f"{said} – {trace.check}{wanted}{actual}"
