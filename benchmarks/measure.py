"""What a process and its children cost, as the kernel accounts for it when they have ended.

Wall-clock time is not compared anywhere: it depends on what else the machine does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# A contender that hangs must not hang the benchmark; the slowest takes a tenth of this.
_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, and the greatest resident size in MiB."""

    cpu: float
    wall: float
    memory: float
    output: str


class FailedError(Exception):
    """A contender ended with an error; the message holds the end of what it said."""


def run(command: Sequence[str], log: Path, environ: dict[str, str] | None = None) -> Cost:
    """Run to the end; its standard output is returned, its log goes to the file."""
    output = log.with_suffix(".out")
    started = time.perf_counter()
    with output.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environ or {})},
        )
        timer = threading.Timer(_TIMEOUT, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text("utf-8", "replace")
    if process.returncode != 0:
        said = (text + log.read_text("utf-8", "replace"))[-2000:]
        raise FailedError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    memory = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, memory, text)
