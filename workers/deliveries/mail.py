"""E-mail: a message as text and as HTML, given to the mail server of the settings."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from html import escape

from settings import MailSecurity, Settings
from workers.deliveries.notice import Notice
from workers.webhook_post import NotDelivered

TIMEOUT_SECONDS = 20.0
"""For each answer of the mail server."""


async def send_mail(settings: Settings, address: str, notice: Notice) -> None:
    """Returns once the mail server has taken it. Raises NotDelivered."""
    if settings.smtp_host is None:
        raise NotDelivered("No mail server is set up.", is_final=True)
    await asyncio.to_thread(_send, settings, address, message_of(settings, address, notice))


def message_of(settings: Settings, address: str, notice: Notice) -> EmailMessage:
    """The same notice makes the same Message-ID, by which mail programs know it again."""
    assert settings.smtp_from is not None
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.smtp_from
    message["To"] = address
    message["Subject"] = notice.line
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{notice.key}@{parseaddr(settings.smtp_from)[1].rpartition('@')[2]}>"
    # So that nobody's machine answers.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{notice.plain}\n\n{notice.link}\n")
    message.add_alternative(_html(notice), subtype="html")
    if notice.attachment is not None:
        main, _, sub = notice.attachment.media_type.partition(";")[0].partition("/")
        name = notice.attachment.name
        message.add_attachment(notice.attachment.content, maintype=main, subtype=sub, filename=name)
    return message


def _html(notice: Notice) -> str:
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in notice.plain.splitlines() if line)
    link = escape(notice.link)
    return f'<!doctype html><html><body dir="auto">{paragraphs}<p><a href="{link}">{link}</a></p></body></html>\n'


def _send(settings: Settings, address: str, message: EmailMessage) -> None:
    try:
        with _connected(settings) as server:
            if settings.smtp_tls is MailSecurity.STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_username is not None and settings.smtp_password is not None:
                server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
            server.send_message(message, to_addrs=[address])
    except smtplib.SMTPAuthenticationError:
        # Whoever runs the server can mend that.
        raise NotDelivered("The mail server does not let us in.") from None
    except smtplib.SMTPRecipientsRefused as error:
        code, _ = error.recipients[address]
        raise _refused(code) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise NotDelivered("The mail server lacks what the settings ask of it.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"The mail server could not be spoken to ({type(error).__name__}).") from None


def _connected(settings: Settings) -> smtplib.SMTP:
    assert settings.smtp_host is not None
    if settings.smtp_tls is MailSecurity.TLS:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS)


def _refused(code: int) -> NotDelivered:
    """By RFC 5321, 4.2.1: what begins with 5 is final, all else may go better another time."""
    return NotDelivered(f"The mail server answered {code}.", is_final=500 <= code < 600)
