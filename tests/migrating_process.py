"""Another process that opens a store of an earlier schema and dies after some of its migration.

migrating_process.py PATH BATCHES
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from store_cases import store_at


def main(path: Path, batches: int) -> None:
    with store_at(path) as opened:
        for _ in range(batches):
            opened.frontier.want(()).result()  # behind one more batch
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
