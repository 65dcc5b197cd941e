"""Services that a person starts and Ctrl-C ends: each under a guard, so that none is left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from pipelines.errors import MainstayError, SettingsError

STOP_SECONDS = 15.0
"""How long a service may take to end before it is killed."""

GUARD = (sys.executable, "-I", str(Path(__file__).with_name("guard.py")))


@dataclass(frozen=True)
class Service:
    """A service that runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """Raise `MainstayError` if it has ended by itself."""
        code = self.process.poll()
        if code is not None:
            raise MainstayError(f"{self.name} ended with code {code}; its log is {self.log}")


def reached_at(host: str) -> str:
    """Where this machine reaches a service that listens on an address, as it stands in a URL."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - looked at, not bound to
    return f"[{own}]" if ":" in own else own


def is_free(host: str, port: int) -> OSError | None:
    """Why a port cannot be listened on, or None where it can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def require_free(host: str, port: int) -> None:
    """Raise `SettingsError` if a port cannot be listened on."""
    if error := is_free(host, port):
        raise SettingsError(
            f"{host}:{port} cannot be used ({error.strerror}); choose another with --port"
        ) from error


@contextmanager
def running(
    name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path, lock: int
) -> Iterator[Service]:
    """A service in a session of its own, so that Ctrl-C reaches us alone and we end it in order.

    Its guard ends it when we are killed, and holds the lock until then.
    """
    if log.exists():  # of a start before: it is kept as long as other logs are
        ended = datetime.fromtimestamp(log.stat().st_mtime, UTC)
        log.replace(log.with_stem(f"{log.stem}-{ended:%Y%m%dT%H%M%S%f}"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*GUARD, str(STOP_SECONDS), *command],
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,  # held open: the guard ends when it closes
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        yield Service(name, process, log)
    finally:
        _end(process)


def wait_ready(
    name: str, services: Sequence[Service], url: str, seconds: float, asked: Callable[[], bool]
) -> None:
    """Wait until the first of the services answers at an address of this machine, or somebody asks to end.

    Raises:
        MainstayError: it took longer than so many seconds, or one of them ended by itself.
    """
    # Not through a proxy, which cannot reach this machine for us.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while not asked():
        for service in services:
            service.require_alive()
        try:
            with opener.open(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise MainstayError(
                    f"{name} did not answer within {seconds:.0f} s ({error}); its log is {services[0].log}"
                ) from error
            time.sleep(0.5)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS + 5)  # the guard has its own patience with the service
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C and SIGTERM instead of dying of them."""
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
