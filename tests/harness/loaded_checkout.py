"""Loads the program of one checkout, and forks it for each command that comes in through a Unix socket.

`python -P loaded_checkout.py SOCKET`, with the checkout in PYTHONPATH. Any version of the program is run, so nothing of
it is used here but the entry of `triage-import`, and nothing of the tests.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socketserver
import sys
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NoReturn

import importer
from importer.__main__ import start

ENDED_BY_A_BUG = 70


EXPORT = "Issue key,Summary,Priority,Status,Issue Type\nA-1,One,High,To Do,Bug\n"


def load_all() -> None:
    """Import every module, and check a file, which loads what is made at the first use."""
    for module in pkgutil.walk_packages(importer.__path__, "importer."):
        importlib.import_module(module.name)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        export = Path(folder, "export.csv")
        export.write_text(EXPORT, encoding="utf-8")
        for words in (["validate", str(export), "--out", f"{folder}/out"], ["draft", str(export), "-o", f"{folder}/m"]):
            sys.argv[1:] = words
            with suppress(SystemExit):
                start()
    gc.freeze()


class Handler(socketserver.StreamRequestHandler):
    """Runs one command: a line of JSON comes in, its process id and then its exit code go out."""

    def handle(self) -> None:
        """Fork, and wait."""
        command = json.loads(self.rfile.readline())
        pid = os.fork()
        if not pid:
            run(**command)
        with suppress(BrokenPipeError):
            self.wfile.write(b"%d\n" % pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            self.wfile.write(b"%d\n" % code)


def run(words: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> NoReturn:
    """Be `triage-import` with these words, and end."""
    code: Any = ENDED_BY_A_BUG
    try:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(environment)
        written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for number, opened in enumerate(
            (os.open(os.devnull, os.O_RDONLY), os.open(out, written), os.open(err, written))
        ):
            os.dup2(opened, number)
            os.close(opened)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        sys.argv[1:] = words
        start()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - it is shown, and this process must end here
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """A process for each command that waits for it."""

    request_queue_size = 64


if __name__ == "__main__":
    place = sys.argv[1]
    load_all()
    for number in (signal.SIGINT, signal.SIGTERM):  # of which the program has made its own
        signal.signal(number, signal.SIG_DFL)
    with Server(place, Handler) as server:
        print(importer.__file__, flush=True)  # noqa: T201 - it answers from now on
        server.serve_forever()
