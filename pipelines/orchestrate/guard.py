"""Runs one service and ends it, with all that it has started, when whoever started the guard is gone: killed, even.

`python guard.py SECONDS COMMAND …`. The starter holds the other end of standard input, so its end is seen on every system.
SECONDS is how long the service may take to end by itself. Imports nothing of Mainstay's: there is one guard a service, for as
long as that runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading


def main(patience: float, command: list[str]) -> int:
    """Run the command in a process group of its own until it, or the starter, ends; returns its exit code."""
    service = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=_end_with_parent
    )
    asked = threading.Event()

    def starter_gone() -> None:
        os.read(0, 1)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    threading.Thread(target=starter_gone, daemon=True).start()
    try:
        while service.poll() is None and not asked.wait(0.2):
            pass
        if service.poll() is None:
            service.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.wait(patience)
    finally:
        # The group lives as long as one of it does, and its number is not given to others before.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
    return service.wait()


def _end_with_parent() -> None:
    """Have the system end this process when the guard is killed itself, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


_PR_SET_PDEATHSIG = 1


if __name__ == "__main__":
    code = main(float(sys.argv[1]), sys.argv[2:])
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)
