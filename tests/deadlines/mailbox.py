"""A small mail server on loopback for tests: keeps what it takes, and can hang up, dawdle, refuse, repeat."""

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any


class Mailbox(socketserver.ThreadingTCPServer):
    """What has been delivered, and how the server behaves: a mood for each letter to come, then "good".

    Moods: good; drop (hangs up after the letter, having said nothing); lose (hangs up before taking it);
    slow (answers after `delay`); busy (451); refuse (550 to the recipient); twice (says "taken" two times).
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, tls: str = "none", context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.tls, self.context = tls, context
        self.password = ""  # of "andrum", without which nothing is taken; empty: nobody logs in
        self.ciphers: list[str] = []  # of each letter's line; empty in clear
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.moods: list[str] = []
        self.greetings = 0
        self.delay = threading.Event()  # set: the slow one answers
        self.came = threading.Event()  # a letter has been taken

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of all that it took."""
        return [str(each["Message-ID"]) for each in self.letters]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Line(socketserver.StreamRequestHandler):
    server: Mailbox
    known = False

    def setup(self) -> None:
        """Speak TLS from the first byte where the server does."""
        if self.server.tls == "tls":
            self._encrypt()
        super().setup()

    def _encrypt(self) -> None:
        assert self.server.context is not None
        self.request = self.server.context.wrap_socket(self.request, server_side=True)

    def handle(self) -> None:
        self.server.greetings += 1
        mood = self.server.moods.pop(0) if self.server.moods else "good"
        self._say("220 mailbox")
        while command := self.rfile.readline().decode("ascii", "replace").strip():
            verb = command.split()[0].upper()
            if verb == "DATA":
                if not self._data(mood):
                    return
            elif verb == "QUIT":
                self._say("221 bye")
                return
            elif verb in {"EHLO", "STARTTLS", "AUTH"}:
                self._secure(verb, command)
            else:
                self._say(self._answer(verb, command, mood))

    def _answer(self, verb: str, command: str, mood: str) -> str:
        if verb == "MAIL" and self.server.password and not self.known:
            return "530 log in first"
        if verb == "RCPT" and mood == "refuse":
            return "550 nobody of that name, anna@example.se"
        if verb == "RCPT":
            self.server.recipients.append(command.partition(":")[2].strip(" <>"))
        return "250 fine"

    def _secure(self, verb: str, command: str) -> None:
        """What comes before the letter: an offer, encryption, a login."""
        if verb == "EHLO":
            self._offer()
        elif verb == "STARTTLS":
            self._say("220 go on")
            self._encrypt()
            super().setup()
        else:
            given = base64.b64decode(command.split()[2]).decode().split("\0")
            self.known = given[1:] == ["andrum", self.server.password]
            self._say("235 welcome" if self.known else "535 wrong")

    def _data(self, mood: str) -> bool:
        if mood == "lose":
            return False
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if mood == "busy":
            self._say("451 come back later")
            return True
        letter = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        self.server.letters.append(letter)
        secure = isinstance(self.request, ssl.SSLSocket) and self.request.cipher()
        self.server.ciphers.append(secure[0] if secure else "")
        self.server.came.set()
        if mood == "drop":
            return False
        if mood == "slow":
            self.server.delay.wait(10)
        self._say("250 taken")
        if mood == "twice":
            self._say("250 taken")
        return True

    def _offer(self) -> None:
        secure = isinstance(self.request, ssl.SSLSocket)
        offers = ["STARTTLS"] if self.server.tls == "starttls" and not secure else []
        offers += ["AUTH PLAIN"] if self.server.password and secure else []
        for each in ["mailbox", *offers]:
            self._say(f"250-{each}")
        self._say("250 8BITMIME")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode("ascii"))


@contextmanager
def open_mailbox(tls: str = "none", context: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Run a mail server for a while."""
    with Mailbox(tls, context) as mailbox:
        thread = threading.Thread(target=mailbox.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield mailbox
        finally:
            mailbox.delay.set()
            mailbox.shutdown()
            thread.join()
