"""A gate before a host's answers, for tests that must stop a client at an exact point."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Gate:
    """Holds the answers of a host until it is released; `wait_for` tells when requests have come.

    So a test can stop a client exactly between asking and being answered, without sleeping.
    """

    def __init__(self, release: Callable[[Gate], None]) -> None:
        self._release = release
        self._changed = threading.Condition()
        self._resumes: list[Callable[[], None]] = []
        self._held = 0
        self._open = False

    @property
    def waiting(self) -> int:
        """How many requests are held right now."""
        with self._changed:
            return len(self._resumes)

    def wait_for(self, requests: int = 1, timeout: float = 30.0) -> bool:
        """Block until that many requests have been held since the gate was shut."""
        with self._changed:
            return self._changed.wait_for(lambda: self._held >= requests, timeout)

    def is_set(self) -> bool:
        return self._open

    def release(self) -> None:
        """Answer what is held, and hold nothing more."""
        self._release(self)

    set = release

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _take(self, resume: Callable[[], None]) -> bool:
        with self._changed:
            if self._open:
                return False
            self._resumes.append(resume)
            self._held += 1
            self._changed.notify_all()
            return True

    def _open_up(self) -> list[Callable[[], None]]:
        with self._changed:
            self._open = True
            resumes, self._resumes = self._resumes, []
            return resumes
