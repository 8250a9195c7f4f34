"""Short ways to make the store's records in tests."""

from __future__ import annotations

from p2pbot.conversation.records import Claim, InboxEntry, OutboxRow, OutboxState
from p2pbot.model import EventKind, FiringMark, LimitScope, MessageKind, Path, Picture, PictureKind, Reason

ACCOUNT = "main"
ORDER = "20476365073825144832"
NOW_MS = 1_767_600_000_000  # 2026-01-05
PICTURE = Picture(name="images/qr.png", sha256="ab" * 32, kind=PictureKind.PNG, width=210, height=190)


def entry(  # noqa: PLR0913 – a test names what it is about
    message_id: str = "",
    *,
    uuid: str = "",
    key: str = "",
    text: str = "hi",
    kind: MessageKind | EventKind = MessageKind.TEXT,
    from_us: bool | None = False,
    order_no: str = ORDER,
    account: str = ACCOUNT,
    at_ms: int = NOW_MS,
    reason: Reason = Reason.ANSWERED,
    trace: str = "[]",
) -> InboxEntry:
    """Return a decided message; its key follows its id or uuid unless given."""
    return InboxEntry(
        account=account,
        order_no=order_no,
        key=key or (f"m:{message_id}" if message_id else f"u:{uuid}"),
        kind=kind,
        path=Path.SOCKET,
        reason=reason,
        message_id=message_id,
        uuid=uuid,
        text=text,
        from_us=from_us,
        created_at_ms=at_ms,
        decided_at_ms=at_ms,
        trace=trace,
    )


def event(kind: EventKind, *, order_no: str = ORDER, account: str = ACCOUNT, at_ms: int = NOW_MS) -> InboxEntry:
    """Return a decided order event: its key is its only identity."""
    key = f"e:{kind.value}"
    return entry(key=key, kind=kind, text="", from_us=None, order_no=order_no, account=account, at_ms=at_ms)


def reply(  # noqa: PLR0913 – a test names what it is about
    uuid: str,
    *,
    text: str = "hello",
    state: OutboxState = OutboxState.CLAIMED,
    order_no: str = ORDER,
    account: str = ACCOUNT,
    at_ms: int = NOW_MS,
    picture: Picture | None = None,
    image_url: str = "",
    uploaded_at_ms: int = 0,
) -> OutboxRow:
    """Return a reply as a claim brings it; a picture may have its place already."""
    return OutboxRow(
        uuid=uuid,
        account=account,
        order_no=order_no,
        rule_id="greeting",
        stimulus_key="m:1",
        text=text,
        state=state,
        created_at_ms=at_ms,
        expires_at_ms=at_ms + 120_000,
        picture=picture,
        image_url=image_url,
        uploaded_at_ms=uploaded_at_ms,
    )


def mark(scope: LimitScope, scope_id: str, *, group: str = "greeting", at_ms: int = NOW_MS) -> FiringMark:
    """Return a firing of a rule."""
    return FiringMark(group=group, scope=scope, scope_id=scope_id, at_ms=at_ms)


def claim(decided: InboxEntry, *replies: OutboxRow, firings: tuple[FiringMark, ...] = ()) -> Claim:
    """Return a claim without a memory."""
    return Claim(entry=decided, replies=replies, firings=firings)
