"""`python -m fedpull` and the `fedpull` command."""

from __future__ import annotations

import sys


def main() -> int:
    from fedpull.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
