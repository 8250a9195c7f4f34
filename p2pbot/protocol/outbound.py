"""Write what goes out on the chat socket: frames, and the address with its credential.

Promise: the same arguments give the same frame, so a resend carries the same uuid.
Danger: ``chat_url`` holds the account's bearer token; it leaves this module as a ``Secret`` only.
Source: the C2C chat protocol notes, sections 2 and 4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote, urlsplit, urlunsplit

from p2pbot.errors import AnswerMalformed
from p2pbot.model import ChatCredential, ImageRef
from p2pbot.protocol.fields import clean
from p2pbot.secret import Secret

MAX_CHAT_TEXT_CHARS = 1000  # the chat's own limit; whoever renders a reply splits it


def text_frame(uuid: str, order_no: str, text: str, created_at_ms: int) -> str:
    """Return the frame of one text bubble."""
    return _frame("text", uuid, order_no, created_at_ms, {"content": clean(text)})


def image_frame(uuid: str, order_no: str, image: ImageRef, created_at_ms: int) -> str:
    """Return the frame of one picture that lies at ``image.image_url`` already."""
    shown = {
        "imageUrl": image.image_url,
        "thumbnailUrl": image.thumbnail_url or image.image_url,
        "imageType": "IMAGE",
        "width": image.width,
        "height": image.height,
    }
    return _frame("image", uuid, order_no, created_at_ms, shown)


def _frame(kind: str, uuid: str, order_no: str, created_at_ms: int, shown: Mapping[str, object]) -> str:
    frame = {"type": kind, "uuid": uuid, "orderNo": order_no, **shown, "self": True, "clientType": "web"}
    return json.dumps(frame | {"createTime": created_at_ms, "sendStatus": 0}, ensure_ascii=False)


def chat_url(credential: ChatCredential) -> Secret:
    """Return the address of one connect: ``{url}/{listenKey}?token={listenToken}&clientType=web``.

    Raises AnswerMalformed when the credential's address is not ``wss://`` (``ws://`` passes on loopback only: the
    sandbox).
    """
    try:
        parts = urlsplit(credential.wss_url.strip())
        safe = parts.scheme == "wss" or (parts.scheme == "ws" and _is_loopback(parts.hostname or ""))
        whole = bool(parts.hostname) and parts.username is None and parts.port != 0
        whole = whole and _is_one_word(credential.wss_url.strip())
    except ValueError:
        safe = whole = False
    if not (safe and whole):
        raise AnswerMalformed("the exchange named a chat address that is not a wss:// address") from None
    path = f"{parts.path.rstrip('/')}/{quote(credential.listen_key.reveal(), safe='')}"
    query = f"token={quote(credential.listen_token.reveal(), safe='')}&clientType=web"
    return Secret(
        urlunsplit((parts.scheme, parts.netloc, path, f"{parts.query}&{query}" if parts.query else query, ""))
    )


def _is_one_word(address: str) -> bool:
    """Whether an address can stand in the first line of a request: anything else would end or break that line."""
    return address.isascii() and address.isprintable() and " " not in address


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
