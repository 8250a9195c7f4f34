"""Our own pictures in the chat: known again, whatever the exchange shows of them; and how long their replies live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pbot.conversation.decision import Policy, Situation, decide
from p2pbot.conversation.inbox import own_said
from p2pbot.conversation.records import OrderMemory, SaidText, Talk
from p2pbot.model import ChatMessage, ImageRef, MessageKind, Mode, Path, PictureKind
from p2pbot.model import Picture as Shown
from p2pbot.rules.pictures import PictureName
from p2pbot.rules.ruleset import load_rules
from tests.fakes.chance import FixedChance
from tests.fakes.occasions import an_order, said
from tests.fakes.records import NOW_MS, PICTURE

PLACE = "https://pictures.invalid/chat/abc.png"
MINE = SaidText(text=str(PICTURE), at_ms=NOW_MS, written_at_ms=NOW_MS, uuid="u1", picture=PICTURE, image_url=PLACE)


def shown(**known: object) -> ChatMessage:
    """Return a picture of our account in the history."""
    image = ImageRef(image_url=PLACE, width=PICTURE.width, height=PICTURE.height)
    usual = {"order_no": "1", "kind": MessageKind.IMAGE, "path": Path.HISTORY, "message_id": "9", "uuid": "other"}
    return ChatMessage(**{**usual, "from_us": True, "created_at_ms": NOW_MS + 1_000, "image": image, **known})  # type: ignore[arg-type]


def at(url: str, width: int = 1, height: int = 1) -> ImageRef:
    """Return where a picture lies, and its size."""
    return ImageRef(image_url=url, width=width, height=height)


@pytest.mark.parametrize(
    ("message", "known"),
    [
        (shown(uuid="u1", image=None), True),
        (shown(), True),
        (shown(image=at(f"{PLACE}?X-Amz-Signature=1")), True),
        (shown(image=at("https://cdn.invalid/x.png", PICTURE.width, PICTURE.height)), True),
        (shown(image=at("https://cdn.invalid/x.png", PICTURE.width, 5)), False),
        (shown(image=at("https://cdn.invalid/x.png")), False),
        (shown(image=at("https://cdn.invalid/x", *(210, 190)), created_at_ms=NOW_MS + 20_001), False),
        (shown(created_at_ms=NOW_MS + 120_001), False),
        (shown(path=Path.SOCKET), False),
        (shown(image=None), False),
        (shown(kind=MessageKind.TEXT, text=str(PICTURE), image=None), False),
    ],
)
def test_our_picture_is_known_again(message: ChatMessage, *, known: bool) -> None:
    """By uuid, by its place whatever is signed into it, else by its size close to our write; a text never is one."""
    assert (own_said(message, (MINE,)) is not None) is known


def test_a_text_of_ours_is_no_picture() -> None:
    """Nor is a picture that was never written, or has no place yet."""
    text = SaidText(text="Hello", at_ms=NOW_MS, written_at_ms=NOW_MS)
    for mine in (text, replace(MINE, written_at_ms=0), replace(MINE, image_url="")):
        assert own_said(shown(uuid=""), (mine,)) is None


@pytest.mark.parametrize(("more", "lives_s"), [("", [120, 600, 600]), ("    expires: 5m\n", [300, 300, 300])])
def test_a_picture_and_what_follows_it_live_longer(more: str, lives_s: list[int]) -> None:
    """Few may be uploaded in a minute; a rule's own span comes first."""
    reply = "    reply: [Hello, {image: a.png, caption: Bye}]\n"
    rules = load_rules(
        {"a.yaml": f"version: 1\nrules:\n  - id: a\n    words: hi\n{reply}{more}"},
        {PictureName("a.yaml", "a.png"): Shown(name="a.png", sha256="aa", kind=PictureKind.PNG, width=1, height=1)},
    ).ruleset
    assert rules is not None
    order, stimulus = an_order(), said("hi")
    situation = Situation(
        account="main",
        stimulus=stimulus,
        memory=OrderMemory(account="main", order_no=order.number, status=order.status),
        talk=Talk(),
        order=order,
        rules=rules,
        now_ms=stimulus.at_ms,
    )
    rows = decide(situation, Policy(mode=Mode.LIVE), FixedChance()).claim.replies
    assert [row.picture is not None for row in rows] == [False, True, False]
    assert [(row.expires_at_ms - row.not_before_ms) // 1000 for row in rows] == lives_s
    assert rows[1].text == "[picture a.png]"
