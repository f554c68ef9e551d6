"""A real mail server on this machine, and what it took."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from settings import Settings

USERNAME, PASSWORD = "gateway", "open sesame"


@dataclass
class MailServer:
    """``answer`` is what it says to a recipient; ``taken`` what was sent to whom; ``safely`` whether over TLS, and by somebody who
    had signed in.
    """

    port: int = 0
    answer: Callable[[str], str] = lambda recipient: "250 OK"
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    safely: list[bool] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: object
    ) -> str:
        said = self.answer(address)
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append((envelope.rcpt_tos, message))
        over_tls = server.transport.get_extra_info("ssl_object") is not None
        self.safely.append(over_tls and bool(session.authenticated))
        return "250 taken"

    def settings(self, **given: Any) -> Settings:
        """Those of somebody who sends there in the open, unless said otherwise."""
        sender = {"SMTP_HOST": "localhost", "SMTP_PORT": self.port, "SMTP_FROM": "Scoregraph <reports@school.example>"}
        return Settings(**{**sender, "SMTP_TLS": "none", **given})


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    is_known = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=False)


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None, *, from_the_start: bool = False) -> AsyncIterator[MailServer]:
    """With TLS, which may be spoken from the start, it asks for USERNAME and PASSWORD."""
    made = MailServer()
    wants: dict[str, Any] = {}
    if tls is not None and from_the_start:
        # The library takes nothing but STARTTLS for safe, and says so.
        wants = {"authenticator": _authenticate, "auth_require_tls": False}
    elif tls is not None:
        wants = {"authenticator": _authenticate, "auth_required": True, "tls_context": tls, "require_starttls": True}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(made, hostname="mail.example", **wants),
        "127.0.0.1",
        0,
        ssl=tls if from_the_start else None,
    )
    async with server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
