"""What `store.path` may lead to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_store_path_that_is_a_file_is_told(tmp_path: Path) -> None:
    """A listing of nothing would hide the mistake."""
    (tmp_path / "data").write_text("not a store")
    (tmp_path / "fedpull.yaml").write_text("store: {path: data}\n")
    done = subprocess.run(
        [sys.executable, "-m", "fedpull", "-c", str(tmp_path / "fedpull.yaml"), "list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "is not a folder" in done.stderr
    assert "Traceback" not in done.stderr
