"""A real mail server (aiosmtpd) on loopback that asks for a password and keeps what it was given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailBox:
    """The mails that came, and who may send."""

    port: int = 0
    user: str = "shop"
    password: str = "pass-of-the-tests"
    mails: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """Keep a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.encrypted.append(session.ssl is not None)
        return "250 taken"

    def authenticated(self, *told: object) -> AuthResult:
        """Let in who knows the password."""
        known = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=told[-1] == known, handled=True)


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[MailBox]:
    """Serve on loopback while the block runs; with ``tls`` nothing is taken before STARTTLS."""
    box, sessions = MailBox(), []

    def session() -> SMTP:
        sessions.append(
            SMTP(
                box,
                hostname="mail.test",
                tls_context=tls,
                require_starttls=tls is not None,
                authenticator=box.authenticated,
                auth_require_tls=tls is not None,
                auth_required=True,
            )
        )
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        for opened in sessions:
            if isinstance(opened.transport, asyncio.WriteTransport):
                opened.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)
