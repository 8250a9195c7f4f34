"""Pictures in replies: named beside the rule file, mixed with texts, checked when the rules are loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pbot.document import Severity
from p2pbot.model import Picture, PictureKind
from p2pbot.rules.pictures import PictureFlaw, PictureName, path_flaw, pictures_named
from p2pbot.rules.ruleset import content_hash, load_rules
from tests.fakes.occasions import NUMBER, Rules, some_facts

QR = Picture(name="images/qr.png", sha256="aa", kind=PictureKind.PNG, width=200, height=100)
MAP = Picture(name="map.jpg", sha256="bb", kind=PictureKind.JPEG, width=20, height=10)
KNOWN = {PictureName("a.yaml", picture.name): picture for picture in (QR, MAP)}


def a_file(reply: str, more: str = "") -> dict[str, str]:
    """Return one rule with this reply."""
    return {"a.yaml": f"version: 1\n{more}rules:\n  - id: a\n    words: hi\n    reply: {reply}\n"}


def said(reply: str, *, language: str | None = None, more: str = "") -> tuple[str | Picture, ...]:
    """Return what the reply comes to."""
    loaded = load_rules(a_file(reply, more), KNOWN)
    assert loaded.ruleset is not None, loaded.findings
    (firing,) = Rules(loaded.ruleset).ask("hi", some_facts(language=language)).firings
    shown = dict(firing.pictures)
    return tuple(shown.get(at, text) for at, text in enumerate(firing.bubbles))


@pytest.mark.parametrize(
    ("reply", "language", "expected"),
    [
        ("{image: images/qr.png}", None, (QR,)),
        ("{image: images/qr.png, caption: Scan this.}", None, (QR, "Scan this.")),
        ("[Hi, {image: images/qr.png, caption: Scan}, {image: map.jpg}, Bye]", None, ("Hi", QR, "Scan", MAP, "Bye")),
        ("{en: {image: images/qr.png}, ru: {image: map.jpg}}", "ru", (MAP,)),
        ("{en: [{image: images/qr.png, caption: Scan}, Bye], ru: Привет}", "en", (QR, "Scan", "Bye")),
        ("{en: {image: images/qr.png, caption: Scan}, ru: Привет}", "ru", ("Привет",)),
        ("{image: images/qr.png, caption: {en: Scan, ru: Сканируйте}}", "ru", (QR, "Сканируйте")),
        ("[{en: {image: images/qr.png}, ru: Нет}, {en: x, ru: y}]", "en", (QR, "x")),
        ("{image: images/qr.png, caption: 'Order {{ order.number }}'}", None, (QR, f"Order {NUMBER}")),
        ("{image: images/qr.png, caption: {text_any: [Scan]}}", None, (QR, "Scan")),
    ],
)  # fmt: skip
def test_pictures_mix_with_texts_and_languages(
    reply: str, language: str | None, expected: tuple[str | Picture, ...]
) -> None:
    """A picture is a bubble, its caption the next one; both go by language as texts do."""
    assert said(reply, language=language) == expected


def test_a_caption_may_be_a_snippet() -> None:
    """Texts that are shared serve captions too."""
    more = "snippets: {scan: Scan this}\n"
    assert said("{image: map.jpg, caption: {snippet: scan}}", more=more) == (MAP, "Scan this")


def test_a_picture_is_not_typed() -> None:
    """``delay: {typing: …}`` waits for texts only."""
    files = {k: v + "    delay: {typing: 10cps}\n" for k, v in a_file("[{image: map.jpg}, 0123456789]").items()}
    ruleset = load_rules(files, KNOWN).ruleset
    assert ruleset is not None
    assert Rules(ruleset).ask("hi").firings[0].delays_ms == (0, 1000)


@pytest.mark.parametrize("path", ["/etc/x.png", "../x.png", "a/../../x.png", "~/x.png", "..\\x.png", "C:\\x.png"])
def test_no_path_leads_out_of_the_directory(path: str) -> None:
    """Whoever wrote the rules cannot send the machine's files, even if they were read somehow."""
    known = {PictureName("a.yaml", path): replace(QR, name=path)}
    (finding,) = load_rules(a_file(f"{{image: '{path}'}}"), known).findings
    assert "leads out of the rules' directory" in finding.message
    assert (finding.code, finding.severity) == ("P025", Severity.ERROR)


@pytest.mark.parametrize("path", ["", "  ", "x.gif", "x", "a\tb.png", "x" * 300 + ".png"])
def test_what_is_no_path_of_a_picture_is_said(path: str) -> None:
    """Each with its own sentence."""
    assert path_flaw(path) is not None


def test_a_picture_that_cannot_be_sent_is_an_error_at_its_place() -> None:
    """The sentence of whoever read the file, with the place in the rule."""
    known = {PictureName("a.yaml", "map.jpg"): PictureFlaw("`map.jpg` is broken: it is cut off", "save it again")}
    (finding,) = load_rules(a_file("[Hello, {image: map.jpg, caption: x}]"), known).findings
    assert finding.headline == "a.yaml:5:28: `map.jpg` is broken: it is cut off; save it again [P025]"
    (missing,) = load_rules(a_file("{image: qr.png}")).findings
    assert "there is no file `qr.png` beside this rule file" in missing.message


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        ("Hello", []),
        ("{image: a.png, caption: {en: x}}", ["a.png"]),
        ("[{image: b.png}, {en: {image: a.png}, ru: x}, {image: b.png}]", ["b.png", "a.png"]),
        ("{en: [{image: a.png}], ru: {image: c.png}}", ["a.png", "c.png"]),
        ("[broken", []),
        ("{image: [a.png]}", []),
    ],
)
def test_what_replies_name_is_found(reply: str, named: list[str]) -> None:
    """Before the rules are loaded, so that somebody can read the files; each once."""
    assert pictures_named(a_file(reply)) == tuple(PictureName("a.yaml", path) for path in named)


def test_an_image_of_a_dialogue_is_no_picture() -> None:
    """``image:`` is also what a counterparty does in a test, and an event."""
    tests = "tests:\n  - name: x\n    chat:\n      - image: a.png\n"
    files = {"a.yaml": f"version: 1\n{tests}rules:\n  - id: a\n    on: image\n    reply: Thanks\n"}
    assert pictures_named(files) == ()


def test_a_changed_picture_is_a_changed_set() -> None:
    """The set's hash names its pictures' bytes too; without pictures it is what it always was."""
    files = a_file("{image: map.jpg}")
    name = PictureName("a.yaml", "map.jpg")
    hashes = {content_hash(files, {name: found}) for found in (MAP, replace(MAP, sha256="cc"), PictureFlaw("gone"))}
    assert len(hashes) == 3
    assert content_hash(files) in hashes
    loaded = load_rules(files, {name: MAP}).ruleset
    assert loaded is not None
    assert loaded.hash == content_hash(files, {name: MAP})
