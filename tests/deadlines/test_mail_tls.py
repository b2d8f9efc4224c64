"""E-mail over TLS and with a login, to a server with a certificate made here: nothing in clear or astray."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from mailbox import Mailbox, open_mailbox
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service import post
from service.errors import Unavailable

LETTER = post.Letter("1", "anna@example.se", "Tidsfrist närmar sig", "Text", datetime(2027, 3, 8, tzinfo=UTC))
PASSWORD = "a password of the server"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for 127.0.0.1 with its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailbox")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mailbox.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(params=["starttls", "tls"])
def secure(request: pytest.FixtureRequest, certificate: Path) -> Iterator[Mailbox]:
    """A mail server that speaks TLS in each of the two ways, and wants a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with open_mailbox(request.param, context) as mailbox:
        mailbox.password = PASSWORD
        yield mailbox


def server(mailbox: Mailbox) -> post.Server:
    return post.Server(
        "127.0.0.1",
        mailbox.port,
        "andrum@example.se",
        tls=mailbox.tls,
        user="andrum",
        password=PASSWORD,
        timeout=5,
    )


def test_a_letter_leaves_over_tls_with_a_login(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # as an operator names an authority of their own
    post.send(server(secure), LETTER)
    assert [each["Subject"] for each in secure.letters] == ["Tidsfrist närmar sig"]
    assert all(secure.ciphers)


def test_a_server_whose_certificate_nobody_vouches_for_gets_neither_password_nor_letter(secure):
    with pytest.raises(Unavailable):
        post.send(server(secure), LETTER)
    assert secure.letters == []
    assert secure.recipients == []


def test_a_wrong_password_keeps_the_letter_for_later(secure, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(Unavailable, match="does not let us in"):
        post.send(replace(server(secure), password="fel"), LETTER)
    assert secure.letters == []


def test_a_password_that_mail_servers_cannot_be_told_is_named_as_the_trouble(
    secure, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(Unavailable, match="only letters a-z"):
        post.send(replace(server(secure), password="lösenord"), LETTER)


def test_a_server_that_offers_no_encryption_gets_nothing_when_we_want_it():
    with open_mailbox() as mailbox:
        plain = replace(server(mailbox), tls="starttls")
        with pytest.raises(Unavailable):
            post.send(plain, LETTER)
        assert mailbox.letters == []
