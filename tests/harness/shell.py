"""`triage-import` as shell scripts call it: a small client that asks these tests for a fork of the loaded program."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path

from tests.harness.forked import exit_code, start_program

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys

door = socket.socket(socket.AF_UNIX)
door.connect({door!r})
words = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(door, [len(words).to_bytes(4, "big")], [0, 1, 2])
door.sendall(words)
pid = int.from_bytes(door.recv(4), "big")
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, lambda number, _: os.kill(pid, number))
sys.exit(int.from_bytes(door.recv(1), "big"))
"""


@contextmanager
def serve_shell(folder: Path) -> Iterator[None]:
    """Put `triage-import` into a folder, and carry out there what is asked of it."""
    folder.mkdir(parents=True)
    place = folder / "triage-import"
    place.write_text(CLIENT.format(python=sys.executable, door=str(folder / "door")), encoding="utf-8")
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "door"))
        door.listen()
        thread = threading.Thread(target=_serve, args=(door,))
        thread.start()
        yield
        door.shutdown(socket.SHUT_RDWR)  # ends `accept`
        thread.join()


def _serve(door: socket.socket) -> None:
    while True:
        try:
            asked, _ = door.accept()
        except OSError:
            return
        threading.Thread(target=_carry_out, args=(asked,), daemon=True).start()


def _carry_out(asked: socket.socket) -> None:
    """Run a command with the streams, the folder and the environment of its client; a client that is killed ends it."""
    with asked, asked.makefile("rb") as words:
        length, streams, _, _ = socket.recv_fds(asked, 4, 3)
        arguments, folder, environment = json.loads(words.read(int.from_bytes(length, "big")))
        process = start_program(arguments, Path(folder), environment, streams)
        for stream in streams:
            os.close(stream)
        assert process.pid is not None
        asked.sendall(process.pid.to_bytes(4, "big"))
        if process.sentinel not in connection.wait([process.sentinel, asked]):
            process.kill()
            return
        code = exit_code(process)
        assert code is not None
        asked.sendall((code if code >= 0 else 128 - code).to_bytes(1, "big"))
