"""The simulated exchange, whole and pure: what people do to it, what our side does to it, what checkers may see.

Promise: one seed, one list of calls with their times, one result. No clock, no I/O; effects are taken by the shell.
Danger: whoever drives it must call ``take_effects`` after each call and ``tick`` when ``due_ms`` has come.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2pbot.model import Side
from p2pbot.sandbox import delivery, gate, intake, talk
from p2pbot.sandbox.answers import routes
from p2pbot.sandbox.chance import Chance, hex_text, pick
from p2pbot.sandbox.context import Context
from p2pbot.sandbox.context_rest import context_public, context_routes, rest_scale
from p2pbot.sandbox.faults import Fault, Standing
from p2pbot.sandbox.gallery import Gallery
from p2pbot.sandbox.gateway import Answer, Gateway, Request
from p2pbot.sandbox.life import Life, Turn, after, opening_event, turn_event
from p2pbot.sandbox.open_data import PREFIX as OPEN_DATA
from p2pbot.sandbox.open_data import OpenDataDesk
from p2pbot.sandbox.options import Dialect, OrderSpec, WorldOptions
from p2pbot.sandbox.records import CallSeen, ConnectSeen, Received, SeenLine, Speaker, UploadSeen
from p2pbot.sandbox.state import MOST_ORDERS, Account, Effect, Mute, Order, Picture, Socket, State
from p2pbot.sandbox.uploads import StoredPicture, Uploads

_LONGEST_SAID = 200_000  # a control client must not fill memory with one call; frames over 64 kB are still possible
_WORDS = ("lucky", "calm", "quick", "north", "silver", "paper", "green", "seven")


class World:
    """One exchange with its accounts."""

    def __init__(self, options: WorldOptions, rng: Chance) -> None:
        self._state = State(options, rng)
        self._uploads = Uploads(self._state)
        self._gallery = Gallery()
        self.context = Context(self._state)
        inside = self.context.inside
        paths = (*routes(self._state, self._uploads).items(), *context_routes(inside))
        self._gateway = Gateway(self._state, paths, context_public(inside), rest_scale(inside))
        self.open_data = OpenDataDesk(options.mini_programs, rng)
        for spec in options.accounts:
            listen_key = f"c2c_{hex_text(rng, 32)}_v2"
            upload_key = pick(rng, ("uploadUrl", "preSignedUrl")) if options.variety else "uploadUrl"
            self._state.accounts[spec.name] = Account(spec, listen_key, upload_key)

    # ---- for the shell ----

    def reachable_at(self, rest_url: str, chat_url: str) -> None:
        """Say under which URLs the shell serves this world."""
        self._state.rest_url = rest_url
        self._state.chat_url = chat_url

    def take_effects(self) -> list[Effect]:
        """Return what is to be written to sockets, in order, and forget it."""
        effects = self._state.effects
        self._state.effects = []
        return effects

    def due_ms(self) -> int | None:
        """Return when ``tick`` has something to do, or None."""
        return self._state.due_ms()

    def tick(self, now_ms: int) -> None:
        """Carry out what is due."""
        self._state.run_due(now_ms)

    def answer(self, request: Request, now_ms: int) -> Answer:
        """Answer a REST request."""
        if request.path.startswith(OPEN_DATA):
            return self.open_data.answer(request, now_ms)
        return self._gateway.answer(request, now_ms)

    def put_picture(self, place: str, raw_query: str, headers: Mapping[str, str], data: bytes, now_ms: int) -> int:
        """Take an upload; return the HTTP status."""
        return self._uploads.put(place, raw_query, headers, data, now_ms)

    def upload_stall_ms(self, place: str, now_ms: int) -> int:
        """Return how long an upload hangs before its connection ends; 0 = it is taken."""
        return self._uploads.stall_ms(place, now_ms)

    def upload_dropped(self, place: str, now_ms: int) -> bool:
        """Whether an upload's connection is reset instead of answered."""
        return self._uploads.is_dropped(place, now_ms)

    def upload_words(self, place: str) -> str:
        """Return what the last upload's refusal says to the client, in Amazon's words where they are known."""
        account = self._state.accounts.get(place.partition("/")[0])
        expired = account and account.uploads and account.uploads[-1].violation == "expired"
        return "Request has expired" if expired else "SIMULATED"

    def picture(self, place: str) -> StoredPicture | None:
        """Return a picture that was uploaded, or that a counterparty sent."""
        return self._uploads.pictures.get(place) or self._gallery.look(place)

    def knock(self, listen_key: str, query: Mapping[str, str], now_ms: int) -> gate.Welcome | gate.Refusal:
        """Judge a chat handshake."""
        return gate.knock(self._state, listen_key, query, now_ms)

    def enter(self, welcome: gate.Welcome, now_ms: int) -> Socket:
        """Open the chat socket that was welcomed."""
        return gate.enter(self._state, welcome, now_ms)

    def leave(self, socket_id: int) -> None:
        """Note that a socket is gone."""
        gate.leave(self._state, socket_id)

    def take_frame(self, socket: Socket, data: str | bytes, now_ms: int) -> Received:
        """Judge a frame that our side wrote."""
        return intake.take_frame(self._state, socket, data, now_ms)

    def mute_of(self, socket: Socket, now_ms: int) -> Mute:
        """Return how a socket fails to talk now (HALF_OPEN answers no ping)."""
        return delivery.mute_of(self._state, socket, now_ms)

    # ---- orders ----

    def open_order(self, account: str, spec: OrderSpec, now_ms: int) -> str:
        """Open an order and return its number. Raises KeyError (account), ValueError (number taken, too many)."""
        state = self._state
        owner = state.account(account)
        number = spec.number or f"2{state.rng.randrange(10**18, 10**19)}"
        if number in state.orders or len(state.orders) >= MOST_ORDERS:
            raise ValueError(f"order {number} exists already, or there are {MOST_ORDERS}")
        created = state.exchange_ms(now_ms) - spec.age_ms
        order = Order(
            number=number,
            account=owner.spec.name,
            nickname=spec.counterparty.nickname or f"{pick(state.rng, _WORDS)}-{hex_text(state.rng, 4)}",
            spec=spec,
            dialect=spec.dialect or self._dialect(),
            created_ms=created,
            life=Life.VERIFYING if spec.kyc else Life.TRADING,
            pay_end_ms=created + spec.pay_window_ms,
        )
        state.orders[number] = order
        talk.system_line(state, order, now_ms, opening_event(spec.side, order.dialect, kyc=spec.kyc))
        if state.options.payment_expiry:
            due = now_ms - spec.age_ms + spec.pay_window_ms
            state.later(due - spec.warn_before_ms, lambda at: self._warn_unpaid(order, at))
            state.later(due, lambda at: self._expire(order, at))
        return number

    def _dialect(self) -> Dialect:
        rng = self._state.rng
        if not self._state.options.variety:
            return Dialect()
        return Dialect(
            socket_id_is_number=pick(rng, (True, False)),
            history_id_is_number=pick(rng, (True, False)),
            nickname_key=pick(rng, ("fromNickName", "fromNickname")),
            names_order=pick(rng, (True, False)),
            event_suffix=pick(rng, ("", "_with_ref", "_fiat_trade")),
            trader_role=pick(rng, ("merchant", "user")),
            appeal_number=pick(rng, (3, 5)),
            pay_fields_key=pick(rng, ("fields", "fieldList")),
            fragments=pick(rng, (1, 1, 2, 3)),
            history_breaks=pick(rng, (True, False)),
            stray_rows=pick(rng, (True, False, False, False)),
            system_says_self=pick(rng, (True, False)),
        )

    def turn(self, order_no: str, turn: Turn, now_ms: int, *, by_us: bool = False) -> None:
        """Let an order take a turn. Raises KeyError, and IllegalTransition when its state does not allow it."""
        state = self._state
        order = state.order(order_no)
        before = order.life
        order.life = after(before, turn)
        exchange_ms = state.exchange_ms(now_ms)
        if turn is Turn.PAY:
            order.paid_ms = exchange_ms
            order.release_end_ms = exchange_ms + order.spec.release_window_ms
        if turn in (Turn.CANCEL, Turn.CANCEL_BY_SYSTEM):
            order.cancelled_ms = exchange_ms
        if turn is Turn.RESTORE:
            order.cancelled_ms = None
        event = turn_event(order.spec.side, turn, order.dialect, by_us=by_us, life=before)
        if event:
            talk.system_line(state, order, now_ms, event)

    def about_to_expire(self, order_no: str, now_ms: int) -> None:
        """Post ``order_about_timeout``."""
        order = self._state.order(order_no)
        talk.system_line(self._state, order, now_ms, f"order_about_timeout{order.dialect.event_suffix}")

    def _warn_unpaid(self, order: Order, now_ms: int) -> None:
        if order.life is Life.TRADING:
            self.about_to_expire(order.number, now_ms)

    def _expire(self, order: Order, now_ms: int) -> None:
        if order.life in (Life.TRADING, Life.VERIFYING):
            self.turn(order.number, Turn.CANCEL_BY_SYSTEM, now_ms)

    # ---- talk ----

    def say(self, order_no: str, text: str, now_ms: int, *, uuid: str = "", kind: str = "text") -> int:
        """Let the counterparty say something; return the message id. ``kind``: text, auto_reply, card …."""
        if len(text) > _LONGEST_SAID:
            raise ValueError(f"a text of more than {_LONGEST_SAID} characters")
        order = self._state.order(order_no)
        return talk.counterparty_line(self._state, order, now_ms, kind, text, uuid).message_id

    def send_image(
        self, order_no: str, now_ms: int, data: bytes | None = None, *, declared: str = "png", content_type: str = ""
    ) -> int:
        """Let the counterparty send a picture; return the message id.

        Without ``data`` it is a sample. ``declared`` is the frame's word for its type and the ending of its name,
        ``content_type`` the header's: both may lie.
        """
        order = self._state.order(order_no)
        place = f"{order.account}/counterparty-{hex_text(self._state.rng, 16)}.{declared}"
        self._gallery.hang(place, data, content_type or f"image/{declared}")
        url = f"{self._state.rest_url}/image/{place}"
        picture = Picture(url, url, declared)
        return talk.counterparty_line(self._state, order, now_ms, "image", picture=picture).message_id

    def operator_says(self, order_no: str, text: str, now_ms: int) -> int:
        """Let a person of ours type in the app; return the message id."""
        return talk.operator_line(self._state, self._state.order(order_no), now_ms, text).message_id

    def recall(self, order_no: str, message_id: int, now_ms: int) -> int:
        """Let the counterparty take a message back; return the recall's message id. Raises KeyError."""
        return talk.recall(self._state, self._state.order(order_no), now_ms, message_id).message_id

    def system(self, order_no: str, event: str, now_ms: int) -> int:
        """Post any system event, known or not; return the message id."""
        return talk.system_line(self._state, self._state.order(order_no), now_ms, event).message_id

    def read(self, order_no: str, now_ms: int, *, by_us: bool) -> int:
        """Let our person (or the counterparty) open the chat; return how many lines became read."""
        mark = talk.read_by_us if by_us else talk.read_by_counterparty
        return mark(self._state, self._state.order(order_no), now_ms)

    # ---- faults ----

    def inject(self, fault: Fault, now_ms: int) -> int:
        """Play a fault; return its id, 0 if it is over at once. Raises KeyError for unknown scopes, ValueError."""
        state = self._state
        if fault.account is not None:
            state.account(fault.account)
        if fault.order is not None:
            state.order(fault.order)
        victims = [one for one in state.sockets.values() if fault.account in (None, one.account)]
        if fault.strikes_now:
            for socket in victims:
                delivery.end_socket(state, socket, fault)
            return 0
        if fault.name in ("silence", "half_open") and fault.duration_ms is None:
            for socket in victims:
                socket.mute = Mute.SILENT if fault.name == "silence" else Mute.HALF_OPEN
            return 0
        return state.faults.add(fault, now_ms)

    def clear_faults(self, fault_id: int | None = None) -> None:
        """End one standing fault, or all of them and every silence. Nothing that was lost comes again."""
        self._state.faults.clear(fault_id)
        if fault_id is None:
            for socket in self._state.sockets.values():
                socket.mute = Mute.NONE

    def faults(self, now_ms: int) -> tuple[Standing, ...]:
        """Return the faults that are on, with how often each struck."""
        return self._state.faults.standing(now_ms)

    # ---- for checkers ----

    def received(self, account: str) -> tuple[Received, ...]:
        """Return every frame that our side wrote, oldest first."""
        return tuple(self._state.account(account).received)

    def chat(self, order_no: str) -> tuple[SeenLine, ...]:
        """Return the order's true chat: what the counterparty sees, oldest first."""
        return tuple(line.seen() for line in self._state.order(order_no).lines)

    def said_by_bot(self, order_no: str) -> tuple[SeenLine, ...]:
        """Return our bot's lines of the true chat: count duplicates on these."""
        return tuple(line for line in self.chat(order_no) if line.by is Speaker.BOT)

    def connects(self, account: str) -> tuple[ConnectSeen, ...]:
        """Return every attempt to open a chat socket with the account's listenKey."""
        return tuple(self._state.account(account).connects)

    def rest_calls(self, account: str, endpoint: str = "") -> tuple[CallSeen, ...]:
        """Return the REST calls made with the account's key, of one endpoint or all."""
        return tuple(call for call in self._state.account(account).calls if endpoint in ("", call.endpoint))

    def uploads(self, account: str) -> tuple[UploadSeen, ...]:
        """Return the picture uploads."""
        return tuple(self._state.account(account).uploads)

    def live_sockets(self, account: str) -> int:
        """Return how many chat sockets of the account are open."""
        return len(self._state.sockets_of(account))

    def lost_pushes(self, account: str) -> int:
        """Return how many pushes found no socket that would carry them."""
        return self._state.account(account).lost_pushes

    def life(self, order_no: str) -> Life:
        """Return where an order stands."""
        return self._state.order(order_no).life

    def side(self, order_no: str) -> Side:
        """Return our side of an order."""
        return self._state.order(order_no).spec.side

    def unread(self, order_no: str) -> int:
        """Return the order's ``chatUnreadCount``."""
        return self._state.order(order_no).unread

    def orders(self, account: str) -> tuple[str, ...]:
        """Return the account's order numbers, in the order in which they were opened."""
        return tuple(order.number for order in self._state.orders.values() if order.account == account)

    def accounts(self) -> tuple[str, ...]:
        """Return the accounts' names."""
        return tuple(self._state.accounts)
