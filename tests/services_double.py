"""Chat services, webhooks and a mail server on this machine, which answer as the real ones do."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEY = "k3ySecretOfTheRobot00112233"
"""The secret in every address."""

TAKEN = {
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecombot": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"},
    "lark": {"code": 0, "data": {}, "msg": "success"},
    "slack": "ok",
    "slackbot": {"ok": True, "channel": "C1", "ts": "1.2"},
    "json": {"code": 200, "message": "queued"},
}
"""What each says of a message that it takes."""

REFUSED = {
    "dingtalk": {"errcode": 310000, "errmsg": "keywords not in content"},
    "wecombot": {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1710], from ip: 192.0.2.1"},
    "feishu": {"code": 19024, "data": {}, "msg": "Key Words Not Found"},
    "lark": {"code": 9499, "data": {}, "msg": "Bad Request"},
    "slackbot": {"ok": False, "error": "not_in_channel"},
    "json": {"success": False, "message": "quota used up"},
}
"""What each says, with HTTP 200, of one that it does not take."""


@dataclass
class Services:
    """All services behind one port, each below its own path."""

    port: int
    heard: list[tuple[str, Any]] = field(default_factory=list)
    """Service, and the JSON that it was sent."""
    paths: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=lambda: dict(TAKEN))
    status: int = 200
    slow_seconds: float = 0.0

    def address(self, service: str, port: int | None = None) -> str:
        """The address of a service that `patched` has brought here."""
        return {
            "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/",
            "slackbot": f"slack://xoxb-1234-1234-{KEY}/#general",
            "json": f"json://127.0.0.1:{port or self.port}/json/{KEY}",
        }.get(service, f"{service}://{KEY}")

    def texts(self) -> list[str]:
        """What people would read, by message."""
        return [_read(payload) for _, payload in self.heard]


def _read(payload: Any) -> str:
    """Title and text wherever a service has them."""
    match payload:
        case {"text": {"content": text}} | {"content": {"text": text}}:
            return str(text)
        case {"title": title, "message": message}:
            return f"{title}\n{message}"
        case {"attachments": [{"title": title, "text": text, **_more}, *_others]}:
            return f"{title}\n{text}"
    return json.dumps(payload, ensure_ascii=False)


def certificate(folder: Path) -> Path:
    """A key, and a certificate that nobody has signed, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    ).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(text + made.public_bytes(pem))
    return path


@contextmanager
def services(tls: Path | None = None) -> Iterator[Services]:
    """The HTTP services, until the block ends; by HTTPS with a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name = self.path.split("/")[1]
            found.heard.append((name, json.loads(body)))
            found.paths.append(self.path)
            time.sleep(found.slow_seconds)
            answer = found.answers.get(name, {})
            text = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Services(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def bring_here(patch: pytest.MonkeyPatch, port: int) -> None:
    """Let Apprise's plugins, whose hosts are fixed, send to this machine; all else of them is as it is."""
    from apprise.plugins.dingtalk import NotifyDingTalk
    from apprise.plugins.feishu import NotifyFeishu
    from apprise.plugins.lark import NotifyLark
    from apprise.plugins.slack import NotifySlack
    from apprise.plugins.wecombot import NotifyWeComBot

    base = f"http://127.0.0.1:{port}"
    patch.setattr(NotifyDingTalk, "notify_url", f"{base}/dingtalk/robot/send?access_token={{token}}")
    patch.setattr(NotifyWeComBot, "notify_url", f"{base}/wecombot/send?key={{key}}")
    patch.setattr(NotifyFeishu, "notify_url", f"{base}/feishu/hook/{{token}}/")
    patch.setattr(NotifyLark, "notify_url", f"{base}/lark/hook/")
    patch.setattr(NotifySlack, "webhook_url", f"{base}/slack")
    patch.setattr(NotifySlack, "api_url", f"{base}/slackbot/{{}}")


@dataclass
class Mailbox:
    """A mail server that takes mails until it is closed."""

    port: int
    mails: list[Message] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """The mail server, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Mailbox(int(listener.getsockname()[1]))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw", encoding="utf-8", newline="\r\n") as stream:
                _talk(stream, found)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _talk(stream: Any, found: Mailbox) -> None:
    def answer(line: str) -> None:
        stream.write(line + "\r\n")
        stream.flush()

    answer("220 test")
    mail: list[str] | None = None
    for raw in stream:
        line = raw.rstrip("\r\n")
        if mail is not None:
            if line == ".":
                found.mails.append(message_from_string("\n".join(mail)))
                mail = None
                answer("250 taken")
            else:
                mail.append(line)
        elif line.upper() == "DATA":
            mail = []
            answer("354 go on")
        elif line.upper().startswith("RCPT") and found.refuses:
            answer("550 no such user here")
        elif line.upper() == "QUIT":
            answer("221 bye")
            return
        else:
            answer("250 ok")
