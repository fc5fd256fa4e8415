"""Views of documents as JSON-LD for many callers, without the loop ever waiting for one of them.

A small document goes the direct path in about a millisecond, on the loop. Anything else is done by
another process, one at a time: PyLD needs seconds for the largest documents, a thread would share
the interpreter with the loop, and only a process can be ended. It is started when it is first
needed, ends by itself when it has been idle for minutes, and is killed with whatever takes too
long. It reads neither the store nor the network. Invariant: no document holds the loop for longer
than one of `_SMALL` bytes may, nor the process for longer than `_PROCESSOR_SECONDS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from ..crawler.protocol import jsonld
from ..errors import BadInput, FedpullError, Refused
from .api_http import Busy
from .document import Document

# Measured: 20 ms at the worst that such a document can hold, with no more contexts than this.
_SMALL = 16 * 1024
_FEW_CONTEXTS = 3
# Of processor time: several times what the worst documents within the limits need.
_PROCESSOR_SECONDS = 20
# Of any time, on a machine that has much else to do.
_SECONDS = 60.0
# What waits, waits for at most so many times that.
_MAX_WAITING = 8
_IDLE = 300.0
_LENGTH = struct.Struct("!I")
# Twenty times what the interpreter with PyLD takes: a document of a million bytes may become large.
_MEMORY = 1024 * 1024 * 1024
_DONE, _REFUSED, _BAD = 0, 1, 2


class ViewProcess:
    """Makes views, for the loop's thread."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting = 0
        self._closed = False

    async def view(self, document: Document, form: jsonld.Form) -> bytes:
        """The JSON text of a view. Refused for what has none, Busy when too many are waited for."""
        body, context = document.body, document.context
        if len(body) <= _SMALL and body.count(b"@context") <= _FEW_CONTEXTS:
            found = jsonld.direct_bytes(body, form, context)
            if found is not None:
                return found
        if self._closed or self._waiting >= _MAX_WAITING:
            raise Busy(document.id, "too many documents wait to be looked at as JSON-LD")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "views")
        job = _packed(form, document.id, context, body)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._ask, job, document.id)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the process, whatever it does. Idempotent."""
        self._closed = True
        thread, self._thread = self._thread, None
        if self._process is not None:
            self._process.kill()
        if thread is not None:
            thread.shutdown(cancel_futures=True)
        self._end()

    def _ask(self, job: bytes, id: str) -> bytes:
        """In the thread: one view, by a process that lives, or by a new one."""
        used = self._process is not None
        answer = self._answer(job)
        if answer is None and used and not self._closed:  # it has ended since, being idle
            answer = self._answer(job)
        if answer is None:
            raise Refused(id, "takes too much time or memory as JSON-LD; it is there as plain JSON")
        kind, text = answer[0], answer[1:]
        if kind == _DONE:
            return text
        error: type[FedpullError] = Refused if kind == _REFUSED else BadInput
        raise error(*json.loads(text))

    def _answer(self, job: bytes) -> bytes | None:
        """What the process says; None if it ends before it has said it."""
        process = self._process or self._start()
        timer = threading.Timer(_SECONDS, process.kill)
        timer.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(job)
            process.stdin.flush()
            found = _read(process.stdout)
        except OSError:
            found = None
        finally:
            timer.cancel()
        if not found:
            self._end()
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: nothing of the folder that we happen to be in is imported.
        command = [sys.executable, "-P", "-m", "fedpull.cache.view_process"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


def _packed(form: jsonld.Form, id: str, context: bytes | None, body: bytes) -> bytes:
    head = json.dumps([form, id, None if context is None else context.decode()]).encode()
    return b"".join((_LENGTH.pack(len(head)), head, _LENGTH.pack(len(body)), body))


def _read(pipe: IO[bytes]) -> bytes | None:
    """One text behind its length; None where the pipe ends before that."""
    length = pipe.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(length)
    text = pipe.read(size)
    return text if len(text) == size else None


def _serve(jobs: IO[bytes], answers: IO[bytes]) -> None:
    """In the process: a view for each job, until there are no more or none has come for long."""
    while select.select([jobs], [], [], _IDLE)[0]:
        head, body = _read(jobs), _read(jobs)
        if head is None or body is None:
            return
        form, id, context = json.loads(head)
        _allow_processor_time()
        try:
            around = None if context is None else context.encode()
            answer = bytes([_DONE]) + jsonld.view_bytes(body, form, id, around)
        except FedpullError as error:
            kind = _REFUSED if isinstance(error, Refused) else _BAD
            words = json.dumps([error.subject, error.reason, error.expected])
            answer = bytes([kind]) + words.encode()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _allow_processor_time() -> None:
    """For one more document; the kernel ends the process that takes more (SIGXCPU)."""
    used = int(sum(os.times()[:2])) + 1
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + _PROCESSOR_SECONDS, most))


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which ends us
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    _serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    _main()
