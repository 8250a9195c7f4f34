"""Whether an inbound chat message may be answered at all, before any rule is asked.

Promise: a message from ourselves, from a machine, from the past, in a silenced order or in an appeal is never
answered, and each of these has its ``Reason``. Every function is pure; ``None`` means "nothing speaks against an
answer".
Source: rule language notes, "What an auto-responder must never do"; C2C chat protocol notes, section 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from p2pbot.conversation.records import Mute, OrderMemory, SaidText, Talk
from p2pbot.model import ChatMessage, MessageKind, Order, OrderStatus, Path, Reason

_PERSONAL = (MessageKind.TEXT, MessageKind.IMAGE, MessageKind.VIDEO, MessageKind.CARD)
_BY_A_PERSON = (*_PERSONAL, MessageKind.UNKNOWN)  # if it is from our account
_BY_MACHINES = {MessageKind.AUTO_REPLY: Reason.AUTO_REPLY, MessageKind.SYSTEM: Reason.SYSTEM_MESSAGE}
_ANSWERABLE = (MessageKind.TEXT, MessageKind.IMAGE)
_MACHINE_FAST_MS = 2_000
_QUOTE_SHORTEST = 20  # a shorter text of ours may be contained in theirs by chance
_QUOTE_SLACK = 10  # quoting adds a mark or a name around the text
_PICTURE_WINDOW_MS = 20_000  # and a picture of our size this long, for a person's own may have any
_ECHO_WINDOW_MS = 120_000  # an echo without our uuid is recognised by its text this long around our write


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPolicy:
    """The numbers of the inbox.

    ``takeover_mute_ms`` None: a person who took over keeps the order until it is resumed. ``moved_in_ms``: until then
    this state did not hear what a former p2pbot said (it was restored from a backup); 0 = it heard all.
    """

    max_age_ms: int = 600_000
    moved_in_ms: int = 0
    takeover_mute_ms: int | None = None


def sender_reason(message: ChatMessage) -> Reason | None:
    """Return why ``message`` is not a counterparty's typed text or picture, or None if it is one.

    A personal message of our own account is OPERATOR_MESSAGE here, also one of a kind that we do not know: people get
    new buttons. Whether it is the bot's own echo is ``own_said``'s question.
    """
    if message.kind in _BY_MACHINES:
        return _BY_MACHINES[message.kind]
    if message.from_us and message.kind in _BY_A_PERSON:
        return Reason.OPERATOR_MESSAGE
    if message.kind not in _PERSONAL:
        return Reason.NOT_A_MESSAGE
    if message.from_us is None:
        return Reason.SENDER_UNKNOWN
    return None if message.kind in _ANSWERABLE else Reason.NOT_A_MESSAGE


def own_said(message: ChatMessage, said: tuple[SaidText, ...]) -> SaidText | None:
    """Return the bot's text that a message of our account is: by uuid, by server id, else by text near our write."""
    identified = next((mine for mine in said if _is_identified(message, mine)), None)
    if identified is not None:
        return identified
    alike = [mine for mine in said if _reads_alike(message, mine)]
    return min(alike, key=lambda mine: abs(message.created_at_ms - mine.written_at_ms), default=None)


def _is_identified(message: ChatMessage, mine: SaidText) -> bool:
    return bool(
        (message.uuid and message.uuid == mine.uuid) or (message.message_id and message.message_id == mine.message_id)
    )


def _reads_alike(message: ChatMessage, mine: SaidText) -> bool:
    """Whether only the text can tell: it was written, and nothing says that the message is another one.

    Two known ids that differ say so; on the socket a uuid that is not ours does too. In the history it does not: which
    uuid a row shows there is not published.
    """
    if message.kind not in (MessageKind.TEXT, MessageKind.IMAGE) or not mine.written_at_ms:
        return False
    if (message.message_id and mine.message_id) or (message.uuid and message.path is Path.SOCKET):
        return False
    away_ms = abs(message.created_at_ms - mine.written_at_ms)
    if message.kind is MessageKind.IMAGE:
        return _looks_alike(message, mine, away_ms)
    return mine.picture is None and away_ms <= _ECHO_WINDOW_MS and _plain(message.text) == _plain(mine.text)


def _looks_alike(message: ChatMessage, mine: SaidText, away_ms: int) -> bool:
    """Whether a picture lies where ours does, or (the exchange may show it elsewhere) came with our write and size."""
    image, picture = message.image, mine.picture
    if image is None or picture is None or not mine.image_url:
        return False
    if _bare(image.image_url) == _bare(mine.image_url):
        return away_ms <= _ECHO_WINDOW_MS
    same_size = (image.width, image.height) == (picture.width, picture.height)
    return same_size and away_ms <= _PICTURE_WINDOW_MS


def _bare(url: str) -> str:
    """Return an address without what may be signed anew each time it is shown."""
    return url.partition("?")[0]


def age_reason(message: ChatMessage, memory: OrderMemory | None, policy: InboxPolicy, now_ms: int) -> Reason | None:
    """Return why ``message`` belongs to the past, or None."""
    at_ms = message.created_at_ms
    if not at_ms:
        return Reason.TOO_OLD if message.path is Path.HISTORY else None
    if now_ms - at_ms > policy.max_age_ms:
        return Reason.TOO_OLD
    if memory is not None and at_ms <= memory.last_operator_ms:
        return Reason.BACKLOG
    return None


def machine_reason(message: ChatMessage, talk: Talk) -> Reason | None:
    """Return why ``message`` looks machine-made, or None: it quotes us, or repeats itself within 2 s of our reply."""
    if message.kind is not MessageKind.TEXT:
        return None
    theirs = _plain(message.text)
    if any(_quotes(theirs, _plain(mine.text)) for mine in talk.said):
        return Reason.QUOTES_US
    written_ms = max((mine.written_at_ms for mine in talk.said), default=0)
    since_ms = message.created_at_ms - written_ms
    if written_ms and theirs == _plain(talk.last_inbound) and 0 <= since_ms <= _MACHINE_FAST_MS:
        return Reason.MACHINE_FAST
    return None


def _quotes(theirs: str, ours: str) -> bool:
    if not ours:
        return False
    if theirs == ours:
        return True
    return len(ours) >= _QUOTE_SHORTEST and ours in theirs and len(theirs) - len(ours) <= _QUOTE_SLACK


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


def mute_reason(mute: Mute | None, now_ms: int) -> Reason | None:
    """Return why the order is silenced now, or None."""
    if mute is None or (mute.until_ms is not None and now_ms >= mute.until_ms):
        return None
    return mute.reason


def silence_reason(memory: OrderMemory | None, talk: Talk, now_ms: int) -> Reason | None:
    """Return why the bot must not speak in this order now, or None."""
    if talk.paused:
        return Reason.PAUSED
    return mute_reason(memory.mute if memory else None, now_ms)


def order_reason(order: Order | None) -> Reason | None:
    """Return why the order's own state forbids an answer, or None. What we do not know counts as forbidding."""
    if order is None or order.status is OrderStatus.UNKNOWN:
        return Reason.ORDER_UNKNOWN
    if order.status is OrderStatus.APPEAL:
        return Reason.IN_APPEAL
    return None


def takeover(memory: OrderMemory, at_ms: int, policy: InboxPolicy) -> Mute:
    """Return the order's mute after a person wrote at ``at_ms``: the longer of the old one and the policy's.

    What was said before we moved in may be a former p2pbot's answer: the order is left to a person until it ends, or a
    reply to what was answered already would go out when a short mute is over.
    """
    stays = policy.takeover_mute_ms is None or at_ms <= policy.moved_in_ms
    until_ms = None if stays or policy.takeover_mute_ms is None else at_ms + policy.takeover_mute_ms
    return longer(memory.mute, Mute(reason=Reason.TAKEN_OVER, since_ms=at_ms, until_ms=until_ms))


def longer(old: Mute | None, new: Mute) -> Mute:
    """Return the mute that ends later; of two that end alike the old one."""
    if old is None or (old.until_ms is not None and (new.until_ms is None or new.until_ms > old.until_ms)):
        return new
    return old
