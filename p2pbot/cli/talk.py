"""Reads an order's whole talk from the exchange's history, page by page, newest first.

Promise: all of it, up to 20,000 messages; what is longer says so. A row that cannot be read hides no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from p2pbot.conversation.history import Reading
from p2pbot.errors import ExchangeError, OperatorError, RateLimited
from p2pbot.model import ChatMessage, MessageKind
from p2pbot.ports import Rest
from p2pbot.protocol import calls

_ROWS = 100  # the largest page that clients use
_MOST_PAGES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What was said in an order, oldest first. ``truncated``: older messages are missing."""

    messages: tuple[ChatMessage, ...]
    truncated: bool = False


async def read_talk(
    rest: Rest, order_no: str, note: Callable[[int, int | None], None], kind: MessageKind | None = None
) -> Talk:
    """Return the talk; ``note`` hears how many rows were read, and of how many. Raises what ``ports.Rest`` raises."""
    reading, rows, pages = Reading(since_ms=0), 0, 0
    while not reading.done and pages < _MOST_PAGES:
        page = await rest.call(calls.history(order_no, rows=_ROWS, below_id=reading.below_id, kind=kind))
        # The reading's own bound is that of the daemon, which looks at new messages only.
        reading = replace(reading.page(page.messages, page.rows, page.lowest_id), pages=0)
        rows, pages = rows + page.rows, pages + 1
        note(rows, page.total if pages == 1 else None)
    return Talk(messages=reading.oldest_first(), truncated=reading.truncated or not reading.done)


async def read_pictures(rest: Rest, order_no: str, note: Callable[[int, int | None], None]) -> Talk:
    """Return the messages with a picture.

    The word by which the history filters is not published for certain: where it finds nothing or is refused, all is
    read and filtered here.
    """
    try:
        talk = await read_talk(rest, order_no, note, MessageKind.IMAGE)
    except (OperatorError, RateLimited):
        raise
    except ExchangeError:
        talk = Talk(messages=())
    pictures = _pictures(talk)
    return pictures if pictures.messages else _pictures(await read_talk(rest, order_no, note))


def _pictures(talk: Talk) -> Talk:
    return replace(talk, messages=tuple(message for message in talk.messages if message.image is not None))
