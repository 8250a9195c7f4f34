"""The JSON of the chat: lines as socket frames and as history rows, error and statistics frames, noise.

Promise: pure rendering. The order's ``Dialect`` decides among the forms that were reported.
Source: C2C chat notes section 3.
"""

from __future__ import annotations

import json
from typing import Any

from p2pbot.sandbox.chance import Chance, pick
from p2pbot.sandbox.records import Speaker
from p2pbot.sandbox.state import Account, Line, Order

Frame = dict[str, Any]

_NOISE: tuple[str | bytes, ...] = (
    "{}",
    "",
    "pong",
    b"\x00\x01\x02simulated",
    '{"type":"simulated_novelty","content":{"nested":[1,2,{"deep":null}]}}',
    '{"type":"risk_alert","content":"SIMULATED notice of the platform"}',
    '{"type":null,"id":null}',
    "[]",
    '"text"',
)


def encode(frame: object) -> str:
    """Return compact JSON with its letters as they are; half a surrogate pair, which UTF-8 lacks, becomes ``?``."""
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def is_ours(line: Line) -> bool:
    """Whether the line came from our account, by whatever hand."""
    return line.by in (Speaker.BOT, Speaker.OPERATOR)


def mask(nickname: str) -> str:
    """Return the nickname as history shows it."""
    return f"{nickname[:3]}***" if nickname else ""


def _common(line: Line, order: Order) -> Frame:
    frame: Frame = {
        "uuid": line.uuid,
        "type": line.kind,
        "topicId": order.number,
        "topicType": "ORDER",
        "groupId": f"group-{order.number}",
        "sourceType": "contact",
        "content": "" if line.recalled else line.text,
        "createTime": line.created_ms,
        "status": "read" if line.read else "unread",
    }
    if order.dialect.names_order:
        frame["orderNo"] = order.number
    if line.by is not Speaker.SYSTEM or order.dialect.system_says_self:
        frame["self"] = is_ours(line)
    return frame


def _picture(line: Line) -> Frame:
    if line.picture is None:
        return {}
    return {
        "imageUrl": line.picture.url,
        "thumbnailUrl": line.picture.thumbnail_url,
        "imageType": line.picture.declared_type,
        "width": line.picture.width,
        "height": line.picture.height,
    }


def _speaker_name(line: Line, order: Order, account: Account) -> str:
    if line.by is Speaker.SYSTEM:
        return ""
    return account.spec.nickname if is_ours(line) else order.nickname


def socket_frame(line: Line, order: Order, account: Account) -> Frame:
    """Return the line as the socket pushes it."""
    frame = _common(line, order) | _picture(line)
    frame["id"] = line.message_id if order.dialect.socket_id_is_number else str(line.message_id)
    frame[order.dialect.nickname_key] = _speaker_name(line, order, account)
    frame["unreadCount"] = order.unread
    return frame


def history_row(line: Line, order: Order, account: Account) -> Frame:
    """Return the line as the history shows it: masked nickname, and a row always names its order."""
    row = _common(line, order) | _picture(line)
    row["orderNo"] = order.number
    row["id"] = line.message_id if order.dialect.history_id_is_number else str(line.message_id)
    row[order.dialect.nickname_key] = mask(_speaker_name(line, order, account))
    if order.dialect.history_breaks and line.by is not Speaker.SYSTEM:
        row["content"] = str(row["content"]).replace("\n", "<br>")
    return row


def system_content(event: str, order: Order) -> str:
    """Return a system frame's ``content``: a JSON text whose fields differ per event; it names a real person."""
    content: Frame = {"type": event, "nickName": order.nickname, "orderNo": order.number}
    content["realName"] = order.spec.counterparty.real_name
    if "_trading" in event or event.startswith("order_created"):
        content |= {"asset": order.spec.asset, "fiat": order.spec.fiat, "amount": str(order.spec.amount)}
    return encode(content)


def error_frame(uuid: str, order_no: str, code: str, sub_type: str) -> Frame:
    """Return the frame that rejects ours."""
    frame: Frame = {"type": "error", "content": code, "uuid": uuid, "topicId": order_no}
    return frame | ({"subType": sub_type} if sub_type else {})


def statistics_frame(unread: int) -> Frame:
    """Return the counter of unread messages, which has no order."""
    return {"type": "statistics", "content": encode({"unreadCount": unread}), "unreadCount": unread}


def noise(rng: Chance) -> str | bytes:
    """Return something that means nothing."""
    return pick(rng, _NOISE)
