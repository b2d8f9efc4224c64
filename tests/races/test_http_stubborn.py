"""Clients that send too much, or nothing more: they get an answer, and do not keep others from theirs."""

import socket
import time
from http.client import HTTPConnection

import pytest
from servers import serving

ONE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # the database has no part in these
HALF = b"POST /api/v1/session HTTP/1.1\r\nHost: andrum\r\nContent-Length: 100\r\n"
THREADS = 2


@ONE
@pytest.mark.slow
def test_what_is_too_large_is_answered_and_who_falls_silent_is_left(settings, tmp_path):
    with serving(settings, tmp_path, threads=THREADS) as server:
        assert send(server.port, b"x" * 20_000_000) == 413, "the answer came while the body was still sent"
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(THREADS)]
        for each, more in zip(silent, (b"", b"\r\n{"), strict=True):  # in its headers; in its body
            each.sendall(HALF + more)
        began = time.monotonic()
        assert send(server.port, b"{}") == 422
        assert time.monotonic() - began < 14
        for each in silent:
            each.close()


def send(port: int, body: bytes) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=40)
    connection.request("POST", "/api/v1/session", body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status
