"""One target of `fuzz_targets.py` under atheris: coverage-guided, for so many seconds.

    python tests/fuzz_run.py TARGET [SECONDS]    (without a target it names them all)

Ends with 0 when nothing was found. An input that raises, or takes a second of the processor, ends
it with an error and is written beside the corpus, which is kept in `.fuzz/TARGET` for the next run.
What takes unusually long is told as it is met.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

with atheris.instrument_imports(include=["fedpull"]):
    from fuzz_targets import TARGETS

PLACE = Path(__file__).resolve().parent.parent / ".fuzz"
TOLD_FROM, TOO_LONG = 0.05, 1.0  # seconds of processor time: others may be at work beside it


def main() -> None:
    if len(sys.argv) < 2:
        print(*TARGETS)
        return
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600
    corpus = PLACE / name
    corpus.mkdir(parents=True, exist_ok=True)
    check, slowest = TARGETS[name], TOLD_FROM

    def one(data: bytes) -> None:
        nonlocal slowest
        start = time.process_time()
        check(data)
        took = time.process_time() - start
        if took > slowest:
            slowest = took
            (PLACE / f"{name}.slowest").write_bytes(data)
            print(f"{name}: {took:.3f} s for {len(data)} bytes", file=sys.stderr, flush=True)
        assert took < TOO_LONG, f"{took:.3f} s for one input"

    atheris.Setup(
        [
            "fuzz",
            f"-max_total_time={seconds}",
            "-timeout=60",
            "-max_len=4096",
            "-print_final_stats=1",
            "-verbosity=0",
            f"-artifact_prefix={PLACE}/{name}-",
            str(corpus),
        ],
        one,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
