"""Bytes read as decisions: what a fuzzer mutates becomes text, headers and JSON.

Random bytes seldom get past the first check of a parser; here each byte picks a word of the format,
a piece of the raw input, or a repetition of what stands there already (parsers that take quadratic
time do so on repetitions). Invariant: the same bytes make the same value, and every byte string
makes one, of bounded size; where the bytes end, all further decisions are the first choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_MOST_PIECES = 60
_MOST_REPEATS = 4_096
_MOST_MEMBERS = 8
_DEEPEST = 8
_MOST_VALUES = 20_000  # in one JSON value; what the strict reader takes of a document


class Words:
    """Reads decisions off `data`, from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._values = _MOST_VALUES

    @property
    def left(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        if not self.left:
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def below(self, limit: int) -> int:
        return (self.byte() << 8 | self.byte()) % limit if limit > 256 else self.byte() % limit

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def raw(self, most: int = 40) -> bytes:
        size = self.below(most + 1)
        start, self._at = self._at, min(self._at + size, len(self._data))
        return self._data[start : self._at]

    def rest(self) -> bytes:
        start, self._at = self._at, len(self._data)
        return self._data[start:]

    def text(self, words: Sequence[str], longest: int = 65_536) -> str:
        """Words of the format, characters of any kind, and repetitions of either."""
        pieces: list[str] = []
        size = 0
        for _ in range(self.below(_MOST_PIECES)):
            if not self.left:
                break
            match self.below(8):
                case 0:
                    pieces.append(self.raw().decode("utf-8", "replace"))
                case 1:
                    pieces.append(self.raw(4).decode("latin-1"))
                case 2 if pieces:
                    again = "".join(pieces[-1 - self.below(len(pieces)) :])
                    room = (longest - size) // max(1, len(again)) + 1
                    pieces.append(again * min(self.below(_MOST_REPEATS), room))
                case _:
                    pieces.append(self.pick(words))
            size += len(pieces[-1])
            if size > longest:
                break
        return "".join(pieces)[:longest]

    def headers(self, names: Sequence[str], words: Sequence[str]) -> dict[str, str]:
        return {self.pick(names): self.text(words, 8_192) for _ in range(self.below(5))}

    def value(self, names: Sequence[str], words: Sequence[str], depth: int = 0) -> Any:
        """Any JSON value, its objects with the properties that readers look for."""
        kind = self.below(12) if self.left else 0
        before, self._values = self._values, self._values - 1
        if self._values <= 0:
            return None
        if depth >= _DEEPEST:
            kind %= 8
        match kind:
            case 0 | 1 | 2 | 3:
                return self.pick(words)
            case 4:
                return self.text(words, 2_048)
            case 5:
                return self.pick(_ODD)
            case 6:
                return self.below(65_536) - 32_768
            case 7:
                return float(self.below(65_536)) * 10.0 ** (self.byte() - 128)
            case 8 | 9:
                return self.object(names, words, depth + 1)
            case 10:
                inner = self.value(names, words, depth + 1)
                size = before - self._values
                times = min(self.below(4_096), self._values // size)
                self._values -= times * size
                return [inner] * times
            case _:
                members = range(self.below(_MOST_MEMBERS))
                return [self.value(names, words, depth + 1) for _ in members]

    def object(self, names: Sequence[str], words: Sequence[str], depth: int = 0) -> dict[str, Any]:
        members = range(self.below(_MOST_MEMBERS) if depth else 2 * _MOST_MEMBERS)
        return {self.pick(names): self.value(names, words, depth) for _ in members if self.left}


_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**18, 10**400, 1e308, -1e308, "", [], {}, [[]], [None], [{}],
    "\x00", "\ud83d\ude00", "\u202e", " ", "\ufeff", "9" * 5_000, "a" * 9_000, "\u0301" * 3_000,
)  # fmt: skip
