"""A small mail server on loopback for tests: keeps what it takes, and can hang up, dawdle, refuse, repeat."""

import email
import email.policy
import socketserver
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

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
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
            elif verb == "RCPT" and mood == "refuse":
                self._say("550 nobody of that name, anna@example.se")
            else:
                if verb == "RCPT":
                    self.server.recipients.append(command.partition(":")[2].strip(" <>"))
                self._say("250 fine")

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
        self.server.came.set()
        if mood == "drop":
            return False
        if mood == "slow":
            self.server.delay.wait(10)
        self._say("250 taken")
        if mood == "twice":
            self._say("250 taken")
        return True

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode("ascii"))


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """Run a mail server for a while."""
    with Mailbox() as mailbox:
        thread = threading.Thread(target=mailbox.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield mailbox
        finally:
            mailbox.delay.set()
            mailbox.shutdown()
            thread.join()
