"""A talk as text, as a chat to replay and as a page: each says what was said, and obeys none of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.cli.exchange_line import Remembered
from p2pbot.cli.history_chat import as_chat
from p2pbot.cli.history_page import as_page, embeddable
from p2pbot.cli.history_text import as_text
from p2pbot.cli.output import Paint
from p2pbot.cli.transcript import Shown, Speaker, Transcript, lines_of, words_of
from p2pbot.conversation.decision import message_key
from p2pbot.conversation.records import HAND_RULE
from p2pbot.conversation.replay import changes, read_chat
from p2pbot.model import (
    ChatMessage,
    Counterparty,
    ImageRef,
    MessageKind,
    Order,
    OrderStatus,
    Path,
    Reason,
    Side,
    SystemEvent,
    SystemEventKind,
)
from p2pbot.protocol.pictures import read_picture
from p2pbot.rules.dialogue import DialogueSpec
from p2pbot.rules.ruleset import load_rules
from p2pbot.secret import Secret
from tests.fakes.pictures import JPEG, gif, png
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, entry, reply

HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)></style><!--]]>&lt; javascript:alert(1) \x1b[2J\u202e"
)
PLAIN = Paint()
PLAIN.on = False


def said(
    text: str = "",
    *,
    from_us: bool | None = False,
    number: int = 1,
    kind: MessageKind = MessageKind.TEXT,
    **more: object,
) -> ChatMessage:
    """Return a message of the history, one minute after the other."""
    base = ChatMessage(
        order_no=ORDER,
        kind=kind,
        path=Path.HISTORY,
        message_id=str(number),
        uuid=f"uuid-{number}",
        text=text,
        from_us=from_us,
        nickname="ann***",
        created_at_ms=NOW_MS + number * 60_000,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def card(kind: SystemEventKind, number: int, raw_type: str = "x") -> ChatMessage:
    """Return a card of the exchange."""
    event = SystemEvent(kind=kind, raw_type=raw_type)
    return said(kind=MessageKind.SYSTEM, from_us=None, number=number, system=event)


def pictured(number: int = 1, *, from_us: bool = False) -> ChatMessage:
    """Return a picture's message."""
    image = ImageRef(
        image_url="https://bin.bnbstatic.com/private.jpg?token=hidden", declared_type="jpg", width=8, height=6
    )
    return said(kind=MessageKind.IMAGE, number=number, image=image, from_us=from_us)


def talk(
    *messages: ChatMessage, known: Remembered | None = None, order: Order | None = None, **more: object
) -> Transcript:
    """Return a transcript of the messages, of an order that the store knows."""
    known = known or Remembered(entries=(entry("999"),))
    base = Transcript(order_no=ORDER, account=ACCOUNT, lines=lines_of(messages, known), order=order)
    return replace(base, **more)  # type: ignore[arg-type]


SALE = Order(
    number=ORDER,
    account=ACCOUNT,
    side=Side.SELL,
    asset="USDT",
    fiat="RUB",
    amount=Decimal("100.00"),
    total=Decimal(9500),
    status=OrderStatus.COMPLETED,
    counterparty=Counterparty(nickname="ann-1", real_name="Anna Example", orders=7),
)


# ---- who spoke ----


@pytest.mark.parametrize(
    ("message", "known", "speaker"),
    [
        (said(), Remembered(), Speaker.THEM),
        (said(from_us=True), Remembered(replies=(reply("uuid-1"),)), Speaker.BOT),
        (said(from_us=True, uuid="other"), Remembered(replies=(replace(reply("u"), message_id="1"),)), Speaker.BOT),
        (said(from_us=True), Remembered(replies=(reply("another"),)), Speaker.PERSON),
        (said(from_us=True), Remembered(replies=(replace(reply("uuid-1"), rule_id=HAND_RULE),)), Speaker.PERSON),
        (said(from_us=True), Remembered(), Speaker.OURS),
        (said(from_us=True), Remembered(known=False), Speaker.OURS),
        (said(from_us=False), Remembered(replies=(reply("uuid-1"),)), Speaker.THEM),
        (said(from_us=None), Remembered(), Speaker.NOBODY),
        (card(SystemEventKind.ORDER_PAID, 1), Remembered(), Speaker.EXCHANGE),
    ],
)
def test_who_spoke_is_told_as_far_as_it_is_known(message: ChatMessage, known: Remembered, speaker: Speaker) -> None:
    """The store's word makes a line p2pbot's; a stranger cannot borrow our uuid, nor pass for the exchange."""
    (line,) = lines_of([message], known)
    assert line.speaker is speaker
    assert (line.reply is not None) is (speaker is Speaker.BOT)


def test_every_event_has_words() -> None:
    """Also one that nobody knows: its name is shown."""
    for kind in SystemEventKind:
        (line,) = lines_of([card(kind, 1, "raw_name")], Remembered())
        assert " " in words_of(line)
    assert "raw_name" in words_of(lines_of([card(SystemEventKind.UNKNOWN, 1, "raw_name")], Remembered())[0])


def test_every_kind_of_message_is_shown_as_something() -> None:
    """None is an empty line, but a picture, which is shown itself."""
    for kind in MessageKind:
        (line,) = lines_of([said(kind=kind)], Remembered())
        assert words_of(line)


# ---- text ----


def test_text_tells_who_when_what() -> None:
    """Day, time, rule, several lines, pictures, and why a line was not answered."""
    known = Remembered(replies=(reply("uuid-2"),), entries=(entry("3", reason=Reason.NO_RULE),))
    shown = "\n".join(
        as_text(talk(said("one\ntwo"), said("hi", from_us=True, number=2), pictured(3), known=known, order=SALE), PLAIN)
    )
    assert f"order {ORDER} · we sell 100 USDT · for 9500 RUB · completed" in shown
    assert re.search(r"\d\d:\d\d:\d\d  ann\*\*\*  one\n          two\n", shown)
    assert "p2pbot [greeting]  hi" in shown
    assert "ann***  [picture 8 × 6]\n          not answered: no rule wanted to answer" in shown


def test_text_moves_no_cursor() -> None:
    """Whatever is in names, texts and cards."""
    hostile = talk(said(HOSTILE, nickname=HOSTILE), card(SystemEventKind.UNKNOWN, 2, HOSTILE))
    shown = "".join(as_text(hostile, PLAIN))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_talk_that_is_not_whole_says_so() -> None:
    """In text and on the page."""
    cut = talk(said("hi"), truncated=True)
    assert "oldest messages are missing" in "".join(as_text(cut, PLAIN))
    assert "oldest messages are missing" in "".join(as_page(cut, NOW_MS))


# ---- a chat to replay ----


def played(transcript: Transcript) -> DialogueSpec:
    """Return the chat as replay reads it."""
    line, _ = as_chat(transcript)
    spec = read_chat(line, "chats.jsonl", 1)
    assert isinstance(spec, DialogueSpec), spec
    return spec


def test_a_talk_becomes_a_chat_that_replay_reads() -> None:
    """Order, clock, events, what both sides said, pictures, our own words, and the time between."""
    known = Remembered(replies=(replace(reply("uuid-3", text="Hello"), rule_id="greeting"),), entries=(entry("999"),))
    spec = played(
        talk(
            card(SystemEventKind.ORDER_CREATED, 1),
            said("I paid", number=2),
            said("Hello", from_us=True, number=3),
            pictured(4),
            said("let me see", from_us=True, number=5),
            card(SystemEventKind.ORDER_PAID, 6),
            known=known,
            order=SALE,
        )
    )
    steps = [step.key for step in spec.chat if step.key != "wait"]
    assert steps == ["event", "counterparty", "bot", "image", "operator", "event"]
    assert [step.wait for step in spec.chat if step.key == "wait"] == [60_000] * 5
    assert (spec.name, spec.order.side, spec.order.order_status) == (ORDER, Side.SELL, "unpaid")
    assert spec.clock == (NOW_MS + 60_000) // 1000 * 1000


def test_replay_finds_what_other_rules_would_say() -> None:
    """The exported talk does what it is for."""
    line, _ = as_chat(talk(said("I paid"), order=SALE))
    spec = read_chat(line, "c", 1)
    assert isinstance(spec, DialogueSpec)
    old, new = (
        load_rules({"r.yaml": f"version: 1\nrules:\n  - {{id: a, words: [paid], reply: {word}}}\n"}).ruleset
        for word in ("old", "new")
    )
    assert old is not None
    assert new is not None
    assert [(change.old, change.new) for change in changes(old, new, spec)] == [(("old",), ("new",))]


def test_names_and_bank_data_stay_out_of_the_chat() -> None:
    """The order's facts are those that conditions ask for."""
    line, _ = as_chat(talk(said("hi"), order=SALE))
    assert "Anna" not in line
    assert "ann" not in line
    assert json.loads(line)["order"]["counterparty"] == {"orders": 7}


def test_what_replay_cannot_play_is_left_out() -> None:
    """Machines' words, cards without an event, lines of nobody, and ours where nobody knows whose they are."""
    left_out = [
        said("busy", kind=MessageKind.AUTO_REPLY),
        card(SystemEventKind.MONITOR_WARNING, 2),
        said("?", from_us=None, number=3),
        said("ours", from_us=True, number=4),
        said(kind=MessageKind.VIDEO, number=5),
    ]
    assert as_chat(talk(*left_out, known=Remembered())) == ("", 0)


def test_a_long_talk_is_cut_where_replay_ends() -> None:
    """At 200 steps or at its longest line; how much is left out is told."""
    line, left_out = as_chat(talk(*(said("x", number=number) for number in range(1, 151))))
    assert (len(json.loads(line)["chat"]), left_out) == (200, 99)
    assert isinstance(read_chat(line, "c", 1), DialogueSpec)
    line, left_out = as_chat(talk(*(said("\n" * 9000, number=number) for number in range(1, 100))))
    assert left_out > 0
    assert isinstance(read_chat(line, "c", 1), DialogueSpec)


def test_without_events_the_order_is_as_it_is() -> None:
    """A talk in which nothing happened says nothing of an earlier state."""
    paid = replace(SALE, status=OrderStatus.PAID)
    assert played(talk(said("hi"), order=paid)).order.order_status == "paid"
    assert played(talk(said("hi"))).order.order_status is None


@given(st.lists(st.tuples(st.text(max_size=300), st.sampled_from([True, False, None])), min_size=1, max_size=5))
def test_any_talk_is_readable_by_replay(texts: list[tuple[str, bool | None]]) -> None:
    """Whatever people type."""
    messages = [said(text, from_us=from_us, number=at) for at, (text, from_us) in enumerate(texts, 1)]
    line, _ = as_chat(talk(*messages))
    if line:
        assert "\n" not in line
        assert isinstance(read_chat(line, "c", 1), DialogueSpec)


# ---- the page ----


class Seen(HTMLParser):
    """What a browser would build of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Note what is read."""
        self.text += data


TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "footer",
        "h1",
        "span",
        "p",
        "b",
        "dl",
        "div",
    ),
    *("dt", "dd", "bdi", "ol", "li", "time", "figure", "img", "figcaption", "details", "summary"),
}
ATTRIBUTES = {
    *(
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "datetime",
        "title",
        "dir",
        "alt",
        "width",
        "height",
    ),
    "src",
}


def page(transcript: Transcript) -> str:
    """Return the page."""
    return "".join(as_page(transcript, NOW_MS))


def hostile_talk(text: str) -> Transcript:
    """Return a talk in which everything that comes from outside is ``text``."""
    image = ImageRef(image_url=f"https://a/{text}", declared_type=text)
    messages = (
        said(text, nickname=text),
        said(text, from_us=True, number=2),
        said(text, from_us=None, number=3, message_id=text),
        card(SystemEventKind.UNKNOWN, 4, text),
        said(kind=MessageKind.IMAGE, number=5, image=image, nickname=text),
        said(kind=MessageKind.IMAGE, number=6, image=image),
    )
    known = Remembered(replies=(replace(reply("uuid-2"), rule_id=text, stimulus_key=text),))
    shown = {
        message_key(messages[4]): Shown(missing=text),
        message_key(messages[5]): Shown(read_picture(JPEG + text.encode("utf-8", "replace"), text), JPEG),
    }
    order = replace(SALE, asset=text, fiat=text, counterparty=Counterparty(nickname=text))
    lines = lines_of(messages, known, shown)
    return Transcript(order_no=text, account=ACCOUNT, lines=lines, order=order)


@pytest.mark.parametrize(
    "text", [HOSTILE, "</style><script>", "</title><svg onload=x>", "`${alert(1)}`", "&#x3c;script>"]
)
def test_nothing_from_outside_becomes_a_part_of_the_page(text: str) -> None:
    """Names, texts, ids, rules, errors, declared types: they are read, never obeyed."""
    seen = Seen(page(hostile_talk(text)))
    assert seen.tags <= TAGS
    assert {name for _, name, _ in seen.attributes} <= ATTRIBUTES
    assert "\x1b" not in seen.text
    assert "\u202e" not in seen.text


@given(st.text(min_size=1, max_size=100))
def test_no_text_at_all_becomes_a_part_of_the_page(text: str) -> None:
    """The page of any talk has the same elements as that of a harmless one."""
    seen, harmless = Seen(page(hostile_talk(text))), Seen(page(hostile_talk("x")))
    assert seen.tags <= harmless.tags
    assert [(tag, name) for tag, name, _ in seen.attributes] == [(tag, name) for tag, name, _ in harmless.attributes]


def test_the_page_forbids_itself_everything_but_its_own_style() -> None:
    """The policy stands before anything that came from outside, and the style's hash is that of the style."""
    made = page(talk(said("hi")))
    (style,) = re.findall(r"<style>(.*?)</style>", made, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in made
    assert made.index("Content-Security-Policy") < made.index("<title>")
    assert "http://" not in made
    assert "https://" not in made


@pytest.mark.parametrize(("data", "kind"), [(JPEG, "jpeg"), (png(), "png"), (gif(), "gif")])
def test_a_picture_is_inside_under_its_true_type(data: bytes, kind: str) -> None:
    """Whatever was declared; its address is not in the page."""
    message = pictured()
    lines = lines_of([message], Remembered(), {message_key(message): Shown(read_picture(data, "webp"), data)})
    made = page(Transcript(order_no=ORDER, account=ACCOUNT, lines=lines))
    assert f'src="data:image/{kind};base64,{base64.b64encode(data).decode()}"' in made
    assert "its declared type is another" in made
    assert "token" not in made


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>", "no picture that a browser shows (other)"),
        (b"%PDF-1.7", "no picture that a browser shows (other)"),
        (b"<html><script>", "no picture that a browser shows (other)"),
        (png(60_000, 60_000, data=b"x"), "it claims 60000 × 60000 pixels"),
        (JPEG[:20], "it is cut off"),
        (b"", "no picture that a browser shows (other)"),
    ],
)
def test_what_is_no_picture_is_not_put_in(data: bytes, why: str) -> None:
    """And the page says why it is not there."""
    assert why in embeddable(read_picture(data))
    message = pictured()
    lines = lines_of([message], Remembered(), {message_key(message): Shown(read_picture(data), data)})
    made = page(Transcript(order_no=ORDER, account=ACCOUNT, lines=lines))
    assert "<img" not in made
    assert "A picture is not here: " in made


def test_a_reply_shows_its_rule_and_why() -> None:
    """As far as the store knows; a person's line has neither."""
    known = Remembered(replies=(replace(reply("uuid-1"), stimulus_key="m:77", reason=Reason.ECHOED),))
    made = page(talk(said("Hello", from_us=True), said("me", from_us=True, number=2), known=known))
    assert "p2pbot · rule <b>greeting</b>" in made
    assert "by rule greeting, about 77." in made
    assert "the chat showed it" in made
    assert made.count("<details>") == 1
    assert "you, by hand" in made


def test_without_a_store_the_page_says_that_it_does_not_know() -> None:
    """Ours are ours, and a note tells why no more is known."""
    made = page(talk(said("Hello", from_us=True), known=Remembered(known=False)))
    assert "our account" in made
    assert "Which of our lines p2pbot wrote is not known" in made


def test_no_known_secret_gets_into_a_page_or_text() -> None:
    """Even if a counterparty quotes it."""
    secret = Secret("hush-hush-value-1234")
    quoted = talk(said(f"your key is {secret.reveal()}"))
    assert secret.reveal() not in page(quoted) + "".join(as_text(quoted, PLAIN))
