"""Hands a letter to a mail server (SMTP, RFC 5321). Knows neither the database nor what a letter tells."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from service.errors import Invalid, Unavailable

TIMEOUT = 20.0  # seconds without an answer
FOR_GOOD = 500  # the first code that says: do not try again


@dataclass(frozen=True)
class Server:
    """A mail server and how to reach it: `tls` is starttls, tls (from the first byte) or none."""

    host: str
    port: int
    sender: str
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = TIMEOUT


@dataclass(frozen=True)
class Letter:
    """An e-mail. Its id makes the Message-ID, so that one that comes twice can be told to be the same."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime


def send(server: Server, letter: Letter) -> None:
    """Hand over a letter; when this returns, the server has taken it upon itself.

    Raises `Unavailable` when it may work later, `Invalid` when the server refuses the letter for good. After
    `Unavailable` the server may have taken the letter all the same: it just did not say so in time.
    """
    try:
        line = _connected(server)
        try:
            line.send_message(_message(server, letter), from_addr=server.sender, to_addrs=[letter.to])
        finally:
            _hang_up(line)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _refused(code, said) from error
    except smtplib.SMTPAuthenticationError as error:  # a wrong password can be put right
        raise Unavailable(f"The mail server does not let us in ({error.smtp_code}).") from error
    except UnicodeEncodeError as error:
        told = "Name and password at the mail server may have only letters a-z, digits and signs of ASCII."
        raise Unavailable(told) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Unavailable(f"The mail server did not take the letter: {type(error).__name__}.") from error


def _connected(server: Server) -> smtplib.SMTP:
    """Open the line, encrypted as the settings say, and log in when there is a user."""
    context = ssl.create_default_context()
    line: smtplib.SMTP
    if server.tls == "tls":
        line = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
    else:
        line = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    try:
        if server.tls == "starttls":
            line.starttls(context=context)
        if server.user:
            line.login(server.user, server.password)
    except BaseException:
        line.close()
        raise
    return line


def _hang_up(line: smtplib.SMTP) -> None:
    """End the call. What the server says to that changes nothing: the letter has been taken, or has not."""
    with suppress(smtplib.SMTPException, OSError):
        line.quit()
    line.close()


def _message(server: Server, letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"] = server.sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.id}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers to this
    message.set_content(letter.text)
    return message


def _refused(code: int, said: bytes | str) -> Invalid | Unavailable:
    """Say what the server answered by its code; its words may hold an address and are left out."""
    del said
    told = f"The mail server answered {code}."
    return Invalid(told) if code >= FOR_GOOD else Unavailable(told)
