"""Every key of the language in one sentence, with an example that is right: for the page, and for editors.

Promise: a test finds each key of each model here, and tries each example. ``rules.reference`` makes the page of it,
``rules.schema`` what an editor shows at a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Word(NamedTuple):
    """What a key means, and an example of its value as YAML."""

    meaning: str
    example: str


_MATCH = {
    "words": Word("one of these words or phrases is in the message", '[paid, "оплат*"]'),
    "not_words": Word("none of these words or phrases is in it", "not paid"),
    "all_words": Word("all of these are in it", "[money, arrived]"),
    "not_all_words": Word("not all of these are in it", "[money, back]"),
    "exact": Word("one of these is the whole message", "[ok, okay]"),
    "not_exact": Word("none of these is the whole message", "hi"),
    "starts": Word("the message begins with one of these", "please"),
    "not_starts": Word("it begins with none of these", "[no, not]"),
    "regex": Word("one of these patterns matches; its named groups are `match.…` in texts", r"'sent (?P<sum>\d+)'"),
    "not_regex": Word("none of these patterns matches", r"'test \d+'"),
    "any": Word("one of these blocks of the same keys holds", "[{words: hello}, {exact: hi}]"),
    "all": Word("each of these blocks holds", "[{words: [money, funds]}, {words: [where, when]}]"),
    "not": Word("none of these blocks holds", "{words: joke}"),
}
_RULE = {
    "id": Word("the rule's name, different in each rule: limits, statistics and traces are kept by it", "paid-claim"),
    "on": Word("what is answered", "[order_created, order_paid]"),
    "before": Word("with `on: payment_expiring`: so long before the deadline", "5m"),
    "for": Word("with `on: silence`: nobody has written for so long", "10m"),
    **_MATCH,
    "typos": Word("1 forgives one wrong letter in words of five letters or more", "1"),
    "when": Word("in which orders; all of it must hold", "{side: sell, order_status: unpaid}"),
    "limit": Word("how often the rule may speak", "[{every: 10m, per: order}, {at_most: 3, per: order}]"),
    "group": Word("rules of one group are counted together", "payment"),
    "priority": Word("the highest is asked first; then by file and place", "10"),
    "continue": Word("the next rule that fits speaks too", "yes"),
    "stop": Word("the search ends here, with or without a reply", "yes"),
    "reply": Word("what to say", '{en: "Thanks!", ru: "Спасибо!"}'),
    "delay": Word("how long to wait before answering", "2s..4s"),
    "debounce": Word("wait until the other person has written nothing for so long; answer all of it once", "3s"),
    "expires": Word("a reply that is later than this is not sent; as configured, 2m", "2m"),
    "notify": Word("a word to you, not to the counterparty", '"Look at order {{ order.number }}."'),
    "handover": Word("be silent in this order from now on, and tell you", "{for: 2h, reason: a dispute}"),
    "unmute": Word("speak again in an order that a person took over", "yes"),
    "set": Word("tags for the order, for `when: {tag: …}`", "{asked: yes}"),
    "mode": Word("shadow: record what would be said, and send nothing", "shadow"),
    "examples": Word("messages that the rule must take; tried at each load", "[I paid, оплатил]"),
    "not_examples": Word("messages that it must not take", "[I have not paid]"),
}
_WHEN = {
    "side": Word("sell: you sell crypto, and the other person pays", "sell"),
    "order_status": Word("the order's state", "[unpaid, paid]"),
    "asset": Word("the crypto", "USDT"),
    "fiat": Word("the money", "[EUR, USD]"),
    "amount": Word("how much crypto", '">1000"'),
    "total": Word("how much money", "500-2000"),
    "price": Word("the price of one", '"<=0.95"'),
    "payment_method": Word("by its name at the exchange", "[Wise, Revolut]"),
    "ad": Word("the number of your ad", "'11223344556677889900'"),
    "account": Word("the name of your account in config.yaml", "main"),
    "counterparty": Word("the other person", '{orders: "<5", completion: ">=95%"}'),
    "first_message": Word("whether it is their first message in this order", "yes"),
    "message_no": Word("which of their messages it is, from 1", '"<=2"'),
    "picture": Word("with `on: image`: what the bytes of the picture say", "{type: [jpeg, png], lied: no}"),
    "language": Word("what they write in", "[ru, uk]"),
    "operator_idle": Word("no person of yours has written for so long; 0: whatever they write", "10m"),
    "hours": Word("one of these named windows is open", "open"),
    "weekday": Word("days in `zone`, or in the file's `timezone`", "mon-fri"),
    "zone": Word("the time zone of `weekday`", "Europe/Istanbul"),
    "after_rule": Word("one of these rules has spoken in this order", "how-to-pay"),
    "tag": Word("what a rule has `set`; a tag that was never set is `no`", "{asked: yes}"),
    "futures": Word("your futures account; silent while it is not known", '{position.BTCUSDT: "!=0"}'),
    "balance": Word("what your wallet holds; silent while it is not known", '{USDT: "<100"}'),
    "spot": Word("your spot wallet, `free` and `locked`; silent while it is not known", '{free.USDT: "<100"}'),
}
_PICTURE = {
    "type": Word("what it is by its bytes, whatever its name says; `other`: no picture", "[jpeg, png]"),
    "lied": Word("whether it was declared as something else", "yes"),
    "broken": Word("whether it is cut off or damaged", "yes"),
    "kib": Word("how large the file is, in KiB", '">2000"'),
    "width": Word("its width in pixels", '"<200"'),
    "height": Word("its height in pixels", '"<200"'),
}
_FILE = {
    "version": Word("the version of the language", "1"),
    "timezone": Word("where you live: for times in texts, `once_per: day` and `weekday`", "Europe/Istanbul"),
    "default_language": Word("for people whose language a reply does not have, if it has no `default:` either", "en"),
    "rules": Word("the rules", "[{id: a, words: hello, reply: Hello!}]"),
    "snippets": Word("texts by name, for `{snippet: wait}`", '{wait: {en: "One moment.", ru: "Минуту."}}'),
    "lists": Word("words by name, for `{list: friends}`", "{friends: [ann, bob]}"),
    "windows": Word("hours by name, for `when: {hours: open}`", "{open: {zone: Asia/Dubai, hours: 09:00-18:00}}"),
    "tests": Word("dialogue tests", "[{name: it, chat: [{counterparty: hello}, {bot: Hello!}]}]"),
}
_GIVEN = {
    "number": Word("the order's number", "'20000000000000000001'"),
    "fiat_symbol": Word("the money's sign", '"€"'),
    "payment": Word("bank data of the first payment method, for `{{ payment.… }}`", "{iban: DE02120300000000202051}"),
    "pay_deadline": Word("when it must be paid, from the test's beginning", "15m"),
    "release_deadline": Word("when it must be released, from the test's beginning", "30m"),
    **{key: word for key, word in _WHEN.items() if key not in {"hours", "weekday", "zone", "counterparty"}},
    "order_status": Word("the order's state; unpaid if not written. A new one raises its event", "paid"),
    "picture": Word("what the bytes of their pictures say", "{type: png, lied: yes}"),
    "fiat": Word("the money", "EUR"),
    "first_message": Word("for `explain`: in a test it follows from the chat", "yes"),
    "message_no": Word("same", "2"),
    "operator_idle": Word("same", "10m"),
    "amount": Word("how much crypto", "900"),
    "total": Word("how much money", "828.50"),
    "price": Word("the price of one", "0.92"),
    "counterparty": Word("the other person", "{name: Ann Lee, orders: 12, completion: 98%, registered: 90d}"),
    "language": Word("what they are known to write in", "ru"),
    "after_rule": Word("these rules have spoken in this order before", "how-to-pay"),
    "tag": Word("tags that the order has", "{asked: yes}"),
    "balance": Word("what your wallet holds", "{USDT: 50}"),
    "futures": Word("your futures account", "{position.BTCUSDT: -2, order.hedge-1: filled, margin_call: no}"),
    "spot": Word("your spot wallet", "{free.USDT: 50, locked.USDT: 0}"),
}
VOCABULARY: Mapping[str, Mapping[str, Word]] = {
    "RuleFile": _FILE,
    "RuleSpec": _RULE,
    "BlockSpec": _MATCH,
    "WhenSpec": _WHEN,
    "CounterpartySpec": {
        "orders": Word("how many orders they have completed", '"<5"'),
        "completion": Word("their share of completed orders", '">=95%"'),
        "registered": Word("how long they have been registered", '"<7d"'),
        "trades_with_us": Word("how many orders they have completed with you", "0"),
        "nickname": Word("one of these; compared, never shown in a trace", "[ann, {list: friends}]"),
        "open_id": Word("one of these customers, as your file of open ids says; `*`: anybody in it", "'*'"),
    },
    "PictureSpec": _PICTURE,
    "OncePerSpec": {"once_per": Word("once in an order, to a person, or to a person and day", "counterparty")},
    "EverySpec": {
        "every": Word("not again within", "10m"),
        "per": Word("in the order, to the person, or from the account", "order"),
    },
    "AtMostSpec": {
        "at_most": Word("so often at most", "3"),
        "per": Word("in the order, to the person, from the account, or on the day", "order"),
    },
    "HandoverSpec": {
        "for": Word("for how long; until the order ends if not written", "2h"),
        "reason": Word("what you are told", "a dispute"),
    },
    "TypingSpec": {"typing": Word("as long as typing it would take, at so many characters a second", "12cps")},
    "ChoiceSpec": {"text_any": Word("one of these, by chance", '["Hello!", "Hi!"]')},
    "ListSpec": {"list": Word("the items of a list of `lists:`", "friends")},
    "SnippetSpec": {"snippet": Word("a text of `snippets:`", "wait")},
    "ImageSpec": {
        "image": Word("a picture beside the rule file, JPEG or PNG", "images/qr.png"),
        "caption": Word("a text below it", "Scan this."),
    },
    "WindowSpec": {
        "zone": Word("a time zone, by the name of a city in it", "Europe/Istanbul"),
        "hours": Word("from and until; the end does not belong to it, and midnight may lie within", '["09:00-13:00"]'),
        "weekday": Word("on which days; a window that goes over midnight belongs to the first", "mon-fri"),
    },
    "DialogueSpec": {
        "name": Word("what the test is about", "asks twice, answered once"),
        "order": Word("the order, and what has been before", "{side: sell, amount: 900}"),
        "clock": Word("when it begins; 2026-01-05T10:00Z, a Monday, if not written", "2026-01-05T10:00+03:00"),
        "chat": Word("the steps", "[{counterparty: I paid}, {bot: press the button}]"),
    },
    "StepSpec": {
        "counterparty": Word("the other person writes", "I paid"),
        "image": Word("the other person sends a picture", "receipt.png"),
        "operator": Word("a person of yours writes; the order is theirs from then on", "One moment"),
        "order": Word("the order changes", "{order_status: paid}"),
        "event": Word("an event happens", "order_created"),
        "wait": Word("time passes", "5m"),
        "bot": Word("expects the next reply; a text alone is what it holds", "{rule: paid-claim, contains: press}"),
        "none": Word("expects no reply", "{because: limit}"),
    },
    "BotSpec": {
        "rule": Word("who speaks", "paid-claim"),
        "contains": Word("what the reply holds; case does not matter", "press the button"),
        "text": Word("the whole reply, a text for each bubble", '["Thanks!"]'),
        "notify": Word("what you are told holds this", "look at"),
        "handover": Word("whether the order is handed over", "yes"),
    },
    "NoneSpec": {"because": Word("why nothing is said", "limit")},
    "OrderGiven": _GIVEN,
    "GivenPicture": {**_PICTURE, "type": Word("what it is by its bytes", "png"), "kib": Word("its size in KiB", "300")}
    | {"width": Word("its width in pixels", "720"), "height": Word("its height in pixels", "1600")},
    "PersonGiven": {
        "nickname": Word("what the exchange shows", "buyer7"),
        "name": Word('the real name, for `{{ counterparty.first_name }}`; "": not known', "Ivan Petrov"),
        "orders": Word("how many orders they have completed", "12"),
        "completion": Word("their share of completed orders", "98%"),
        "registered": Word("how long they have been registered", "90d"),
        "trades_with_us": Word("how many orders they have completed with you", "3"),
        "open_id": Word("who your file of open ids says that they are", "oXk29dQe7Rb1TzLw8Mn3Vc"),
    },
}
EVENTS: Mapping[str, str] = {
    "message": "the other person wrote",
    "image": "the other person sent a picture",
    "order_created": "the order began",
    "order_paid": "it was marked as paid",
    "payment_expiring": "with `before: 5m`: so long before the deadline; without it: when the exchange says so",
    "order_completed": "the crypto was released",
    "order_cancelled": "it was cancelled",
    "appeal_opened": "somebody appealed; a rule may `notify` you, p2pbot never speaks in an appeal",
    "appeal_closed": "the appeal is over",
    "silence": "with `for: 5m`: nobody has written for so long",
    "operator_message": "one of you wrote in the order; for `notify`, `set`, `unmute`",
    "futures_order_filled": "an order of your futures account was filled, for `notify`; in chats with `order_status`",
    "margin_call": "your futures account has a margin call; likewise",
    "balance_below": "a balance fell below the limit in the rule's own `when: {balance: …}`; likewise",
}
FILTERS: Mapping[str, str] = {
    "money": "an amount without zeros at its end, with two digits of cents if it has any",
    "first_name": "the first of several names",
    "date": "2026-01-05",
    "time": "09:30",
    "mask": "all but the last four characters hidden",
    "upper": "CAPITAL LETTERS",
    "lower": "small letters",
    "default": "`default('friend')`: what to say when the value is not known",
}
