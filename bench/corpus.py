"""What counterparties write, and rules as a merchant with very many of them might have: the same in every run.

The messages are the usual ones of P2P order chats in twelve languages; the rules' words are made by rule from syllables
of four scripts, with a few real words first, so that some messages call some rules and most call none.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from p2pbot.rules.folding import fold

MESSAGES = (
    "Hello",
    "I paid",
    "Hi, I have paid 900 USD already, please check your bank account and release the coins",
    "ok thanks, waiting",
    "can you send me the account number again?? the app doesn't show it",
    "I paied from my wife's card, is it ok?",
    "payment is pending, bank says up to 2 hours...",
    "Sent! Ref 4471-22, transferring from Revolut 12:45",
    "why is it taking so long, I will open an appeal",
    "thx bro 👍🏻",
    "Здравствуйте",
    "Оплатил, проверьте пожалуйста",
    "добрый день! перевёл 52 300 ₽ со Сбера, карта 4276",
    "не оплатил ещё, через 5 минут",
    "реквизиты актуальны? можно на тинькофф?",
    "Вы где? деньги ушли 20 мин назад, отпускайте",
    "спасибо, всё пришло, удачи!",
    "Дякую, оплата пройшла",
    "你好",
    "我已经付款了，请放币",
    "请问可以用支付宝吗？银行卡限额了",
    "转账成功，金额 6,500 元，请查收！！",
    "怎么还不放行？我要申诉了",
    "谢谢老板",
    "مرحبا، لقد دفعت المبلغ",
    "تم التحويل من حسابي في البنك الأهلي، ٥٠٠ ريال",
    "السلام عليكم، ممكن رقم الحساب لو سمحت؟",
    "شكراً جزيلاً",
    "merhaba, ödemeyi yaptım kontrol eder misiniz",
    "Garanti'den gönderdim 14.250 TL, açıklama yazmadım",
    "IBAN'ı tekrar atar mısınız?",
    "teşekkürler hocam",
    "Olá, já paguei, pode liberar?",
    "fiz o pix agora, R$ 1.250,00 — segue o comprovante",
    "qual é a chave pix?",
    "obrigado!",
    "Bonjour, le virement est parti à 10h15",
    "je n'ai pas encore payé, un instant svp",
    "merci beaucoup",
    "Hola, ya hice la transferencia",
    "¿me pasas el CBU de nuevo? no me aparece",
    "listo amigo, pagué 85.000 pesos por Mercado Pago",
    "chào bạn, mình đã chuyển khoản rồi nhé",
    "cho mình xin số tài khoản với ạ",
    "नमस्ते, मैंने भुगतान कर दिया है",
    "यूपीआई आईडी भेजिए please, limit 1 lakh hai",
    "धन्यवाद",
    "โอนแล้วนะครับ รบกวนตรวจสอบด้วย",
    "支払いました。確認お願いします",
    "입금했습니다 확인 부탁드려요",
)
_REAL_WORDS = (
    ("paid", "sent", "transferr*"),
    ("оплатил*", "перевел*", "деньги ушли"),
    ("付款", "转账", "支付宝"),
    ("دفعت", "التحويل", "رقم الحساب"),
    ("account number", "iban", "chave pix"),
    ("thanks", "thx", "спасибо"),
)
# Alike in all three engines: no class of characters but by its members. The last two are not: see ``ASCII_ONLY``.
_REAL_PATTERNS = (
    "(?:paid|sent) [0-9]{2,5} ?usd",
    "[0-9]{1,3}(?:[., ][0-9]{3})* ?(?:₽|tl|元|pesos)",
    r"оплат\w*\b",
    r"\b(?:ödeme\w*|pagué)\b",
)
ASCII_ONLY = frozenset(_REAL_PATTERNS[2:])  # in RE2 \b and \w know ASCII only
_SYLLABLES = (
    "ba be bo da de di do fa fi go ka ke ko la le li lo ma mi mo na ne ni no pa pe ra re ri ro sa se so ta te to",
    "ба бе во го да де жи за ка ке ко ла ле ли ма ме мо на не но па пе ра ре ро са со та те то ту ха це ча ша",
    "的 一 是 在 不 了 有 和 人 这 中 大 为 上 个 国 我 以 要 他 时 来 用 们 生 到 作 地 于 出 就 分 对 成 会 可",
    "ا ب ت ث ج ح خ د ذ ر ز س ش ص ض ط ظ ع غ ف ق ك ل م ن ه و ي",
)
_PER_FILE = 800  # rules, so that a file stays within 256 KiB
_UNSPECIFIC = 100  # of so many patterns one has no fixed letters


@dataclass(frozen=True, slots=True)
class Written:
    """One rule as it is written: words, or one pattern."""

    id: str
    words: tuple[str, ...] = ()
    pattern: str = ""

    def to_yaml(self) -> str:
        """Return it as an item of ``rules:``."""
        check = f"regex: {json.dumps(self.pattern, ensure_ascii=False)}"
        if self.words:
            check = f"words: {json.dumps(self.words, ensure_ascii=False)}"
        return f'  - id: {self.id}\n    {check}\n    reply: "Order {{{{ order.number }}}}: {self.id}"\n'

    def on_folded(self) -> str:
        """Return the words as a pattern for a folded text with a blank at either end."""
        return " (?:" + "|".join(map(_phrase, self.words)) + ") "


@dataclass
class Merchant:
    """A merchant's rules: ``count`` of them, ``share`` of which (0 to 1) are patterns."""

    count: int
    share: float
    rules: list[Written] = field(default_factory=list)

    def __post_init__(self) -> None:
        patterns = round(self.count * self.share)
        words = self.count - patterns
        chance = random.Random(7)  # noqa: S311 - the same rules in every run
        for number, written in zip(range(words), _words(chance), strict=False):
            self.rules.append(Written(f"w{number}", words=written))
        for number, pattern in zip(range(patterns), _patterns(chance), strict=False):
            self.rules.append(Written(f"p{number}", pattern=pattern))

    def files(self) -> dict[str, str]:
        """Return the rule files."""
        parts = range(0, self.count, _PER_FILE)
        heads = "version: 1\nrules:\n"
        return {
            f"{at:05}.yaml": heads + "".join(rule.to_yaml() for rule in self.rules[at : at + _PER_FILE]) for at in parts
        }


def _phrase(written: str) -> str:
    core = " ".join(fold(written.rstrip("*")).words)
    return core + ("[^ ]*" if written.endswith("*") else "")


def _words(chance: random.Random) -> Iterator[tuple[str, ...]]:
    yield from _REAL_WORDS
    while True:
        yield _made(chance), f"{_made(chance)} {_made(chance)}", f"{_made(chance)}*"


def _patterns(chance: random.Random) -> Iterator[str]:
    yield from _REAL_PATTERNS
    number = 0
    while True:
        number += 1
        if number % _UNSPECIFIC == 0:
            yield f"[0-9]{{{2 + number // _UNSPECIFIC % 7}}}-[0-9]{{4}}-[a-f]{{{1 + number // _UNSPECIFIC % 9}}}"
        else:
            yield f"{_made(chance)} ?[0-9]{{2,4}}|{_made(chance)}(?:a|en)"


def _made(chance: random.Random) -> str:
    syllables = chance.choice(_SYLLABLES).split()
    return "".join(chance.choice(syllables) for _ in range(chance.randint(3, 5)))
