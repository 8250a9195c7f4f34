"""One decision about one inbound message or order event: everything that it changes, as one ``Claim``.

Promise: whatever comes, there is a decision with a reason; what must not be answered is stopped before a rule is
asked; what is answered is rendered here, once, and written with its reason in one transaction by whoever calls.
Danger: replies hold rendered bank data and names; traces and notices do not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2s
from typing import Protocol

from p2pbot.conversation.inbox import InboxPolicy, age_reason, longer, machine_reason, order_reason, silence_reason
from p2pbot.conversation.limits import Caps, cap_reason
from p2pbot.conversation.orders import agreed
from p2pbot.conversation.records import Claim, InboxEntry, Mute, OrderMemory, OutboxRow, OutboxState, Talk
from p2pbot.model import (
    ChatMessage,
    EventKind,
    MessageKind,
    Mode,
    Notice,
    Order,
    OrderStatus,
    Path,
    Reason,
    Stimulus,
    Topic,
)
from p2pbot.rules.facts import Facts
from p2pbot.rules.figures import NO_FIGURES, Figures
from p2pbot.rules.languages import settled_language
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.spec import ACCOUNT_EVENTS, MAX_TAGS, SPEECHLESS
from p2pbot.rules.verdict import Firing, Verdict

_FOREVER_REASONS = (Reason.BREAKER,)
_UNASKED = ACCOUNT_EVENTS | {EventKind.SILENCE}
_THEIRS = frozenset({EventKind.MESSAGE, EventKind.IMAGE})


class Chance(Protocol):
    """The randomness that a decision needs: delays and message identities."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        ...

    def uuid(self) -> str:
        """Return a new message identity."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers that bound decisions for one account.

    ``picture_expires_ms``: of a picture and what follows it, since the exchange lets few be uploaded in a minute.
    """

    inbox: InboxPolicy = field(default_factory=InboxPolicy)
    caps: Caps = field(default_factory=Caps)
    mode: Mode = Mode.SHADOW
    reply_expires_ms: int = 120_000
    picture_expires_ms: int = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known when a stimulus is decided.

    ``order`` None: the exchange has not told us of it; ``memory`` has heard what it says. ``left_out``: rules in
    quarantine, whose pattern once ran too long. ``burst``: the counterparty's texts that were put off to be answered
    with this one. ``figures``: what is known of the merchant's own account. ``picture``:
    what the message's picture is, likewise. ``computed_s``: what the time of patterns is measured by, seconds that
    never run backwards.
    """

    account: str
    stimulus: Stimulus
    memory: OrderMemory
    talk: Talk
    order: Order | None
    rules: RuleSet
    now_ms: int
    path: Path = Path.SOCKET
    left_out: frozenset[str] = frozenset()
    burst: tuple[str, ...] = ()
    figures: Figures = NO_FIGURES
    picture: Mapping[str, str | bool | int] = field(default_factory=dict)
    computed_s: Callable[[], float] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A claim to be written, and the words to the operator that go out once it is.

    ``timed_out``: rules to quarantine. ``verdict``: what the rules said, if they were asked; for rehearsals.
    """

    claim: Claim
    notices: tuple[Notice, ...] = ()
    timed_out: tuple[str, ...] = ()
    verdict: Verdict | None = field(default=None, repr=False)

    @property
    def reason(self) -> Reason:
        """Why it ended so."""
        return self.claim.entry.reason

    def words(self) -> tuple[Notice, ...]:
        """Return what the operator hears once the claim is written: of an appeal whatever the rules say."""
        entry = self.claim.entry
        if entry.kind is not EventKind.APPEAL_OPENED:
            return self.notices
        text = "An appeal was opened. p2pbot says nothing in this order any more: look at it."
        key = f"{entry.key}:{entry.account}:{entry.order_no}"
        appeal = Notice(key=key, text=text, account=entry.account, order_no=entry.order_no, urgent=True)
        return (replace(appeal, topic=Topic.APPEAL), *self.notices)

    @property
    def debounce_ms(self) -> int:
        """How long to wait for the counterparty's next message before this decision counts."""
        return max((firing.debounce_ms for firing in self.verdict.firings), default=0) if self.verdict else 0


def decide(situation: Situation, policy: Policy, rng: Chance) -> Decision:
    """Return the decision about ``situation.stimulus``."""
    if situation.order is not None:
        situation = replace(situation, order=agreed(situation.order, situation.memory))
    reason = forbidding_reason(situation, policy)
    if reason is not None:
        return unanswered(situation, reason)
    situation = replace(situation, memory=_with_language(situation))
    verdict = _verdict(situation, rng)
    return replace(_judged(situation, verdict, policy, rng), timed_out=verdict.timed_out, verdict=verdict)


def _judged(situation: Situation, verdict: Verdict, policy: Policy, rng: Chance) -> Decision:
    if verdict.reason not in (Reason.ANSWERED, Reason.SHADOW):
        return unanswered(situation, verdict.reason, verdict)
    wanted = sum(len(firing.bubbles) for firing in verdict.firings)
    capped = cap_reason(situation.talk, policy.caps, wanted, fresh=_is_fresh(situation))
    if capped is not None:
        return _capped(situation, capped, verdict)
    return _answered(situation, verdict, policy, rng)


def forbidding_reason(situation: Situation, policy: Policy) -> Reason | None:
    """Return why no rule may even be asked, or None."""
    early = early_reason(situation, policy)
    if early is None and situation.stimulus.kind in SPEECHLESS:
        return Reason.ORDER_UNKNOWN if situation.order is None else None
    return early or order_reason(situation.order) or _overtaken(situation)


def _overtaken(situation: Situation) -> Reason | None:
    """Return why a timed event makes no sense any more, now that the order's facts are known."""
    expiring, order = situation.stimulus.kind is EventKind.PAYMENT_EXPIRING, situation.order
    return Reason.ORDER_CHANGED if expiring and order and order.status is not OrderStatus.UNPAID else None


def early_reason(situation: Situation, policy: Policy) -> Reason | None:
    """Return what forbids an answer without asking the exchange for the order's facts, or None."""
    now_ms, memory = situation.now_ms, situation.memory
    message = situation.stimulus.message or _event_as_message(situation.stimulus)
    if situation.stimulus.kind in SPEECHLESS:  # nobody is answered, so a mute or an appeal forbids nothing
        return Reason.PAUSED if situation.talk.paused else age_reason(message, None, policy.inbox, now_ms)
    return (
        silence_reason(memory, situation.talk, now_ms)
        or age_reason(message, memory, policy.inbox, now_ms)
        or machine_reason(message, situation.talk)
    )


def unanswered(situation: Situation, reason: Reason, verdict: Verdict | None = None) -> Decision:
    """Return the decision that records ``reason`` and answers nothing."""
    return Decision(claim=Claim(entry=_entry(situation, reason, verdict), memory=situation.memory))


def entry_of_message(account: str, message: ChatMessage, reason: Reason, now_ms: int) -> InboxEntry:
    """Return the inbox entry of a message that no rule is asked about.

    One whose sender nobody named does not take the identity that it shows: when that message comes whole (from the
    history, at the latest), a person's word must still count.
    """
    key = message_key(message)
    if message.from_us is None and reason in (Reason.SENDER_UNKNOWN, Reason.NOT_A_MESSAGE):
        key, message = f"{reason}:{key}", replace(message, message_id="", uuid="")
    return InboxEntry(
        account=account,
        order_no=message.order_no,
        key=key,
        kind=message.kind,
        path=message.path,
        reason=reason,
        message_id=message.message_id,
        uuid=message.uuid,
        text=message.text,
        from_us=message.from_us,
        created_at_ms=message.created_at_ms,
        decided_at_ms=now_ms,
    )


def message_key(message: ChatMessage) -> str:
    """Return a message's identity within its order: id, else uuid, else (a frame with neither) what it is made of.

    The content counts by four bytes of a hash: enough to tell two messages of one millisecond apart, too little to
    find a text by, for keys are logged.
    """
    if message.message_id:
        return f"m:{message.message_id}"
    if message.uuid:
        return f"u:{message.uuid}"
    image_url = message.image.image_url if message.image else ""
    card = message.system.raw_type if message.system else ""
    made_of = json.dumps([message.from_us, message.text, image_url, card])
    digest = blake2s(made_of.encode(), digest_size=4).hexdigest()
    return f"t:{message.kind}:{message.created_at_ms}:{digest}"


def _event_as_message(stimulus: Stimulus) -> ChatMessage:
    return ChatMessage(
        order_no=stimulus.order_no,
        kind=MessageKind.SYSTEM,
        path=Path.HISTORY,
        created_at_ms=stimulus.at_ms,
        from_us=False,
    )


def _with_language(situation: Situation) -> OrderMemory:
    """Return the memory with the counterparty's language, as far as this message or the one before it tells."""
    message, memory = situation.stimulus.message, situation.memory
    theirs = message.text if message and situation.stimulus.kind in _THEIRS else ""
    language = settled_language(settled_language(memory.language, situation.talk.last_inbound), theirs)
    return memory if language == memory.language else replace(memory, language=language)


def _is_fresh(situation: Situation) -> bool:
    message = situation.stimulus.message
    if situation.stimulus.kind in _UNASKED:
        return False  # nobody but us would speak
    if message is None or message.kind is not MessageKind.TEXT:
        return True
    return message.text.strip() != situation.talk.last_inbound.strip()


def _verdict(situation: Situation, rng: Chance) -> Verdict:
    if situation.order is None:  # forbidden before; said again for the type checker's sake
        return Verdict(reason=Reason.ORDER_UNKNOWN)
    talk, memory, stimulus = situation.talk, situation.memory, situation.stimulus
    message = stimulus.message if stimulus.kind in _THEIRS else None
    if message and situation.burst:
        whole = replace(message, text="\n".join((*situation.burst, message.text)))
        stimulus = replace(stimulus, message=whole)
    facts = Facts(
        account=situation.account,
        order=situation.order,
        now_ms=situation.now_ms,
        message_no=talk.inbound + 1 if message else None,
        first_message=talk.inbound == 0 if message else None,
        last_operator_ms=_last_operator_ms(memory),
        language=memory.language or None,
        tags=memory.tags,
        figures=situation.figures,
        about=stimulus.about,
        whole=False if stimulus.about else None,
        picture=situation.picture,
    )
    return situation.rules.evaluate(
        stimulus,
        facts,
        talk.firings,
        situation.now_ms,
        rng,
        memory.counterparty_key,
        left_out=situation.left_out,
        computed_s=situation.computed_s,
    )


def _last_operator_ms(memory: OrderMemory) -> int | None:
    """Return when a person of ours wrote, or None. A takeover without its mute was resumed: go on at once."""
    return (memory.last_operator_ms or None) if memory.mute else None


def _capped(situation: Situation, reason: Reason, verdict: Verdict) -> Decision:
    memory = situation.memory
    if reason in _FOREVER_REASONS:
        memory = replace(memory, mute=Mute(reason=reason, since_ms=situation.now_ms))
    notice = _notice(situation, reason.value, _CAP_TEXT[reason], Topic.LIMIT)
    claim = Claim(entry=_entry(situation, reason, verdict), memory=memory)
    return Decision(claim=claim, notices=(notice,))


_CAP_TEXT = {
    Reason.BREAKER: "The bot answered the same words again and again; it is silent in this order until you resume it.",
    Reason.CAP_ORDER: "The hourly limit of replies for this order is reached; a message stays unanswered.",
    Reason.CAP_COUNTERPARTY: "The daily limit of replies for this counterparty is reached; a message stays unanswered.",
    Reason.CAP_ACCOUNT: "The account's limit of replies a minute is reached; a message stays unanswered.",
}


def _answered(situation: Situation, verdict: Verdict, policy: Policy, rng: Chance) -> Decision:
    rows = tuple(
        _row(situation, firing, at, policy, rng) for firing in verdict.firings for at in range(len(firing.bubbles))
    )
    live = [firing for firing in verdict.firings if not (firing.shadow or policy.mode is Mode.SHADOW)]
    memory = situation.memory
    for firing in verdict.firings:
        if firing.tags and not firing.shadow:
            memory = replace(memory, tags=_tagged(memory.tags, firing.tags))
    for firing in live:
        if firing.unmute:
            memory = replace(memory, mute=None)
        if firing.handover is not None:
            until_ms = None if firing.handover.for_ms is None else situation.now_ms + firing.handover.for_ms
            mute = Mute(reason=Reason.MUTED, since_ms=situation.now_ms, until_ms=until_ms)
            memory = replace(memory, mute=longer(memory.mute, mute))
    reason = Reason.ANSWERED if live else Reason.SHADOW
    marks = tuple(mark for firing in verdict.firings for mark in firing.marks)
    claim = Claim(entry=_entry(situation, reason, verdict), replies=rows, firings=marks, memory=memory)
    return Decision(claim=claim, notices=_rule_notices(situation, live))


def _rule_notices(situation: Situation, firings: list[Firing]) -> tuple[Notice, ...]:
    notices = [
        _notice(situation, f"rule.{firing.rule_id}", text, Topic.RULE) for firing in firings for text in firing.notify
    ]
    for firing in firings:
        if firing.handover is not None:
            text = f"Rule {firing.rule_id} hands this order to you: {firing.handover.reason or 'no reason given'}"
            notices.append(replace(_notice(situation, "handover", text, Topic.HANDOVER), urgent=True))
    return tuple(notices)


def _notice(situation: Situation, kind: str, text: str, topic: Topic) -> Notice:
    account, order_no = situation.account, situation.stimulus.order_no
    return Notice(key=f"{kind}:{account}:{order_no}", text=text, account=account, order_no=order_no, topic=topic)


def _tagged(old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the tags with new values; beyond the bound the oldest are forgotten."""
    return tuple({**{name: value for name, value in old if name not in dict(new)}, **dict(new)}.items())[-MAX_TAGS:]


def _row(situation: Situation, firing: Firing, at: int, policy: Policy, rng: Chance) -> OutboxRow:
    shadow = firing.shadow or policy.mode is Mode.SHADOW
    not_before_ms = situation.now_ms + (firing.delays_ms[at] if firing.delays_ms else firing.delay_ms)
    return OutboxRow(
        uuid=rng.uuid(),
        account=situation.account,
        order_no=situation.stimulus.order_no,
        rule_id=firing.rule_id,
        stimulus_key=situation.stimulus.key,
        text=firing.bubbles[at],
        state=OutboxState.SHADOW if shadow else OutboxState.CLAIMED,
        created_at_ms=situation.now_ms,
        not_before_ms=not_before_ms,
        expires_at_ms=not_before_ms + _expires_ms(firing, at, policy),
        settled_at_ms=situation.now_ms if shadow else 0,
        order_status=situation.order.status if situation.order else OrderStatus.UNKNOWN,
        reason=Reason.SHADOW if shadow else None,
        picture=dict(firing.pictures).get(at),
    )


def _expires_ms(firing: Firing, at: int, policy: Policy) -> int:
    if firing.expires_ms is not None:
        return firing.expires_ms
    behind_picture = any(place <= at for place, _ in firing.pictures)
    return max(policy.reply_expires_ms, policy.picture_expires_ms if behind_picture else 0)


def _entry(situation: Situation, reason: Reason, verdict: Verdict | None) -> InboxEntry:
    stimulus = situation.stimulus
    message = stimulus.message if stimulus.kind in _THEIRS else None  # a person's word of ours has an entry of its own
    trace = json.dumps([line.to_json() for line in verdict.trace], ensure_ascii=False) if verdict else "[]"
    bare = InboxEntry(
        account=situation.account,
        order_no=stimulus.order_no,
        key=stimulus.key,
        kind=stimulus.kind,
        path=situation.path,
        reason=reason,
        created_at_ms=stimulus.at_ms,
    )
    entry = entry_of_message(situation.account, message, reason, situation.now_ms) if message else bare
    return replace(entry, decided_at_ms=situation.now_ms, ruleset=situation.rules.hash, trace=trace)
