"""Sound examples, from which harm begins: what the exchange is documented, or was seen, to send.

The secrets here are made up and look like what they stand for; none may come out in an error's words.
"""

from __future__ import annotations

from typing import Any

ORDER = "20476365073825144832"
OTHER_ORDER = "20476365073825144833"
NOW_MS = 1_767_596_400_000

API_KEY = "CANARYkeyvmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7J"
LISTEN_KEY = "c2c_0123456789abcdefCANARY6789abcdef_v2"
LISTEN_TOKEN = "TOKENfedcba9876543210CANARY9876543210"
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
UPLOAD_URL = f"https://bucket.example.org/x.jpg?X-Amz-Expires=300&X-Amz-Signature={SIGNATURE}"
SECRETS = (API_KEY, LISTEN_KEY, LISTEN_TOKEN, SIGNATURE)

_CONTACT: dict[str, Any] = {
    "orderNo": ORDER,
    "topicId": ORDER,
    "topicType": "ORDER",
    "groupId": "g1",
    "sourceType": "contact",
    "self": False,
    "fromNickName": "Buyer 7",
    "createTime": NOW_MS - 5_000,
    "status": "unread",
    "unreadCount": 1,
}
TEXT: dict[str, Any] = {"id": "1001", "uuid": "u-1", "type": "text", **_CONTACT, "content": "I paid, please check"}
_PICTURE = {
    "imageUrl": "https://bin.example.org/a.jpg",
    "thumbnailUrl": "https://bin.example.org/t.jpg",
    "imageType": "IMAGE",
    "width": 640,
    "height": 480,
}
_CARD = '{{"type":"{}","nickName":"Buyer 7","realName":"IVAN PETROV","orderNo":"' + ORDER + '"}}'
EVENTS = (
    *("seller_payed", "seller_merchant_trading", "buyer_user_trading_with_ref", "seller_completed_fiat_trade"),
    *("order_created_with_additional_kyc_maker_sell", "order_about_timeout", "cancelled_by_system", "submit_appeal"),
    *("seller_cancel_appeal_completed", "x_system_cancel_appeal", "nlp_risk", "seller_force_released", "new_word"),
)
CARDS: tuple[dict[str, Any], ...] = tuple(
    {"id": 2000 + at, "uuid": f"c-{at}", "type": "system", **_CONTACT, "content": _CARD.format(event)}
    for at, event in enumerate(EVENTS)
)
FRAMES: tuple[dict[str, Any], ...] = (
    TEXT,
    {**TEXT, "id": 1002, "uuid": "u-2", "content": "оплатила<br>付款", "fromNickname": "b", "clientType": "web"},
    {**TEXT, "id": "1003", "uuid": "u-3", "self": True, "content": "a person of ours"},
    {**TEXT, "id": "1004", "uuid": "u-4", "type": "image", "content": "", **_PICTURE},
    {**TEXT, "id": "1005", "uuid": "u-5", "type": "auto_reply", "content": "I am away"},
    {**TEXT, "id": "1006", "uuid": "u-6", "type": "video"},
    {**TEXT, "id": "1007", "uuid": "u-7", "type": "recall"},
    {**TEXT, "id": "1008", "uuid": "u-8", "type": "new_kind"},
    {"type": "statistics", "unread": 3},
    {"type": "risk_alert", "content": "be careful", "topicId": ORDER, "id": 5, "createTime": NOW_MS},
    {"type": "error", "content": "ILLEGAL_PARAM", "subType": "UNTRUSTED_URL", "uuid": "u-9", "topicId": ORDER},
    {"type": "pong"},
    *CARDS[:3],
)
HISTORY_KINDS = ("text", "image", "auto_reply", "system", "card", "video", "translate", "recall", "mark", "error")

LISTED: dict[str, Any] = {
    "orderNumber": ORDER,
    "advNo": "11",
    "tradeType": "SELL",
    "asset": "USDT",
    "fiat": "EUR",
    "fiatSymbol": "€",
    "amount": "900.00000000",
    "totalPrice": "828.50",
    "orderStatus": 1,
    "createTime": NOW_MS - 60_000,
    "notifyPayEndTime": NOW_MS + 840_000,
    "confirmPayEndTime": NOW_MS + 1_740_000,
    "buyerNickname": "Buyer 7",
    "sellerNickname": "Shop",
    "chatUnreadCount": 1,
    "additionalKycVerify": 0,
}
_BANK = [
    {"fieldName": "Name", "fieldContentType": "payee", "fieldValue": "IVAN PETROV"},
    {"fieldName": "IBAN", "fieldContentType": "pay_account", "fieldValue": "DE00 0000 0000"},
]
DETAIL: dict[str, Any] = {
    **LISTED,
    "advOrderNumber": "11",
    "price": "0.92",
    "fiatUnit": "EUR",
    "buyerName": "IVAN PETROV",
    "sellerName": "ANNA SHOP",
    "payMethods": [
        {"id": 7, "identifier": "SEPA", "tradeMethodName": "SEPA (EU)", "fields": _BANK},
        {"id": "8", "tradeMethodIdentifier": "Wise", "tradeMethodName": "Wise", "fieldList": _BANK},
    ],
    "selectedPayId": 7,
    "payType": "SEPA",
    "notifyPayTime": NOW_MS,
    "complaintStatus": None,
    "isChatEnabled": True,
}
STATISTICS: dict[str, Any] = {
    "completedOrderNum": 120,
    "completedOrderNumOfLatest30day": "7",
    "finishRate": 0.98,
    "finishRateLatest30Day": "97.5",
    "numberOfTradesWithCounterpartyCompleted30day": 0,
    "registerDays": 400,
}
CREDENTIAL = {
    "chatWssUrl": "wss://im.example.com:443/chat",
    "listenKey": LISTEN_KEY,
    "listenToken": LISTEN_TOKEN,
}
UPLOAD = {"uploadUrl": UPLOAD_URL, "imageUrl": "https://bin.example.org/x.jpg"}
PAST = {**LISTED, "orderStatus": "COMPLETED", "counterPartNickName": "B***7"}


def enveloped(data: object, **more: object) -> dict[str, object]:
    """Return a success of the C2C interface."""
    return {"code": "000000", "message": "success", "data": data, "success": True, **more}


REFUSALS: tuple[dict[str, object], ...] = (
    {"code": -1022, "msg": "Signature for this request is not valid."},
    {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."},
    {"code": -2015, "msg": f"Invalid API-key {API_KEY}, IP, or permissions for action."},
    {"code": -1003, "msg": "Way too much request weight used; IP banned until 1767597400000."},
    {"code": -31002, "msg": "illegal parameter"},
    {"code": -1102, "msg": f"Mandatory parameter; got signature={SIGNATURE}&x=https://a.example/?token={LISTEN_TOKEN}"},
    {"code": "083628", "message": f"refused {LISTEN_KEY}", "data": None, "success": False},
    {"code": "000000", "message": "?", "success": False},
)
