"""Requests in flight: ids never alike, each settled once, bounded; and what a request says when it leaves."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2pbot.errors import OurError
from p2pbot.protocol.signing import hmac_signer, private_key_signer, ws_payload
from p2pbot.protocol.ws_call import Security, WsCall
from p2pbot.protocol.ws_calls import session_logon, session_status, spot_subscribe, start_listen_key
from p2pbot.protocol.ws_frames import Answered, PushedEvent, Refused, Revoked, ServerShutdown
from p2pbot.protocol.ws_requests import MAX_IN_FLIGHT, Identity, Requests, request_text
from p2pbot.secret import Secret

# Published examples of the exchange's own documents.
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HMAC = hmac_signer(Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"))


def ed25519(body: str) -> Identity:
    """Return an identity by a published Ed25519 key."""
    pem = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    return Identity(api_key=Secret(API_KEY), signer=private_key_signer(Secret(pem)), recv_window_ms=None)


LOGON = ed25519("MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u")


def by_hmac(recv_window_ms: int | None = 5000) -> Identity:
    """Return an identity by the published secret."""
    return Identity(api_key=Secret(API_KEY), signer=HMAC, recv_window_ms=recv_window_ms)


def made_up(security: Security, **params: str | int | bool) -> WsCall[object]:
    """Return a call that the client does not have."""
    return WsCall(method="test", security=security, weight=1, parse=lambda result: result, params=(*params.items(),))


def params_of(text: str) -> dict[str, Any]:
    """Return the parameters of a written request."""
    return dict(json.loads(text)["params"])


PUBLISHED = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC"}


@pytest.mark.parametrize(
    ("params", "recv_window_ms", "signature"),
    [
        (
            {"symbol": "BTCUSDT", **PUBLISHED, "quantity": "0.01000000", "price": "52000.00"},
            100,
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {"symbol": "１２３４５６", **PUBLISHED, "side": "BUY", "quantity": "1.00000000", "price": "0.10000000"},
            5000,
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
    ids=["ascii", "not ascii"],
)
def test_a_published_request_has_the_published_signature(
    params: dict[str, str], recv_window_ms: int, signature: str
) -> None:
    """All parameters with the key are signed, sorted by name and not encoded (published vectors)."""
    call = made_up(Security.SIGNED, **params)
    text = request_text(1, call, by_hmac(recv_window_ms), timestamp_ms=1645423376532)
    assert params_of(text)["signature"] == signature


def test_a_logon_has_the_published_signature() -> None:
    """A logon signs key and time stamp; its Base64 stands in the JSON as it is (published vector)."""
    text = request_text(9, session_logon(), LOGON, timestamp_ms=1649729878532)
    assert json.loads(text) == {
        "id": 9,
        "method": "session.logon",
        "params": {
            "apiKey": API_KEY,
            "timestamp": 1649729878532,
            "signature": "PdyZthZkWH6iRM43rd8+UBP8CPxkW5TJq6Wxsjy8vl5St2O54RDvgGcqRWskW7xWLdftHLxCKA0PDzjLt26eDg==",
        },
    }


def test_an_rsa_signature_verifies() -> None:
    """An RSA key signs the sorted payload, PKCS#1 v1.5 and SHA-256."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    identity = Identity(api_key=Secret(API_KEY), signer=private_key_signer(Secret(pem)))
    sent = params_of(request_text(1, made_up(Security.SIGNED, z="1", a=2), identity, timestamp_ms=5))
    payload = f"a=2&apiKey={API_KEY}&recvWindow=5000&timestamp=5&z=1"
    key.public_key().verify(base64.b64decode(sent["signature"]), payload.encode(), padding.PKCS1v15(), SHA256())
    assert ws_payload(sent) == payload


@pytest.mark.parametrize(
    ("security", "logged_on", "names"),
    [
        (Security.NONE, False, set()),
        (Security.NONE, True, set()),
        (Security.KEY, False, {"apiKey"}),
        (Security.KEY, True, {"apiKey"}),
        (Security.SIGNED, False, {"apiKey", "timestamp", "recvWindow", "signature"}),
        (Security.SIGNED, True, {"timestamp", "recvWindow"}),
        (Security.SIGNED_ITSELF, True, {"apiKey", "timestamp", "recvWindow", "signature"}),
    ],
)
def test_a_request_carries_what_its_security_asks(security: Security, logged_on: bool, names: set[str]) -> None:  # noqa: FBT001 - a column of the table
    """After a logon a signed request still carries its time stamp, neither key nor signature."""
    call = made_up(security, own="1")
    sent = params_of(request_text(1, call, by_hmac(), timestamp_ms=5, logged_on=logged_on))
    assert set(sent) == names | {"own"}


def test_a_request_without_parameters_has_none() -> None:
    """``session.status`` is its method and id alone."""
    assert request_text(4, session_status(), by_hmac(), timestamp_ms=5) == '{"id":4,"method":"session.status"}'


def test_integers_and_booleans_stay_what_they_are() -> None:
    """What is an integer or a boolean is one in the JSON too."""
    text = request_text(1, made_up(Security.NONE, orderId=7, all=True), by_hmac(), timestamp_ms=5)
    assert json.loads(text)["params"] == {"orderId": 7, "all": True}


def test_only_ed25519_keys_log_on() -> None:
    """The kind of the key decides before anything is connected."""
    assert LOGON.logs_on
    assert not by_hmac().logs_on


def test_a_subscription_signs_for_itself_where_nobody_logged_on() -> None:
    """Spot's subscription is bare in a session that logged on, else signed by any kind of key."""
    assert spot_subscribe(logged_on=True).security is Security.NONE
    sent = params_of(request_text(1, spot_subscribe(logged_on=False), by_hmac(), timestamp_ms=5))
    assert set(sent) == {"apiKey", "timestamp", "recvWindow", "signature"}


def test_nothing_secret_is_shown() -> None:
    """Neither a call nor an identity shows the key."""
    assert API_KEY not in f"{start_listen_key()!r}{by_hmac()!r}"


def test_too_many_requests_are_a_bug() -> None:
    """More requests than our loops can make are refused as our fault."""
    requests = Requests()
    for _ in range(MAX_IN_FLIGHT):
        _, requests = requests.asked("test")
    with pytest.raises(OurError):
        requests.asked("test")


def test_an_id_in_flight_is_not_given_again() -> None:
    """Ids start again after the largest, past those that are still in flight."""
    requests = Requests(last_id=2**31 - 1, methods={1: "slow", 2: "slow", 2**31 - 1: "slow"})
    fresh, after = requests.asked("test")
    assert fresh == 3
    assert after.methods[1] == "slow"


class Flight(RuleBasedStateMachine):
    """Asks, hears frames right and wrong, gives up; keeps a ledger of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = Requests(last_id=2**31 - 20)
        self.open: set[int] = set()

    @rule()
    def ask(self) -> None:
        """Ask, when there is room."""
        if len(self.open) < MAX_IN_FLIGHT:
            fresh, self.requests = self.requests.asked("test")
            assert fresh not in self.open
            assert 1 <= fresh < 2**31
            self.open.add(fresh)

    @rule(data=st.data(), refused=st.booleans())
    def answer(self, data: st.DataObject, refused: bool) -> None:  # noqa: FBT001 - drawn
        """Answer one in flight, or an id that nobody has."""
        one = data.draw(st.sampled_from(sorted(self.open)) if self.open else st.integers(-5, 50))
        frame = Refused(request_id=one, status=400) if refused else Answered(request_id=one, result=None)
        expected = [one] if one in self.open else []
        settled, self.requests = self.requests.heard(frame)
        assert [found.request_id for found in settled] == expected
        assert all(found.frame is frame for found in settled)
        self.open.difference_update(expected)
        again, self.requests = self.requests.heard(frame)
        assert again == ()

    @rule()
    def revoke(self) -> None:
        """End the key: everybody learns it."""
        settled, self.requests = self.requests.heard(Revoked())
        assert {found.request_id for found in settled} == self.open
        assert len(settled) == len(self.open)
        self.open.clear()

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Forget one."""
        one = data.draw(st.sampled_from(sorted(self.open)) if self.open else st.just(0))
        self.requests = self.requests.forgotten(one)
        self.open.discard(one)

    @rule()
    def hear_of_others(self) -> None:
        """Events settle nothing."""
        for frame in (ServerShutdown(), PushedEvent(subscription_id=0, event={})):
            settled, self.requests = self.requests.heard(frame)
            assert settled == ()

    @invariant()
    def the_ledgers_agree(self) -> None:
        """What is in flight is what was asked and neither answered nor given up; it is bounded."""
        assert set(self.requests.methods) == self.open
        assert len(self.open) <= MAX_IN_FLIGHT


TestFlight = Flight.TestCase
