"""Lists of blocked domains, as servers export them and people share them: read into rules.

Text in, values out: Mastodon's CSV (with or without its header), and plain lists with one domain a
line. It reads no file and asks nobody. Invariants: every row is a rule, says that there is none
(`noop`), or is reported with its line; nothing is guessed, least of all what stands behind `*`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from ipaddress import IPv6Address

from ...errors import BadInput
from .blocks import Blocks, Severity, stricter
from .hosts import host_name

# The columns of Mastodon's export; a file without a header has them in this order.
_DOMAIN, _SEVERITY = "domain", "severity"
_COLUMNS = ("domain", "severity", "reject_media", "reject_reports", "public_comment", "obfuscate")
# `limit` is what Mastodon calls silencing since its version 4. Nothing said means blocked: lists
# whose makers thought of nothing else have no such column.
_SEVERITIES: Mapping[str, Severity | None] = {
    "": "suspend",
    "suspend": "suspend",
    "silence": "silence",
    "limit": "silence",
    "noop": None,
}
_PORT = re.compile(r":[0-9]{1,5}\Z")
_BRACKETS = re.compile(r"\[([^][%]*)\](?::[0-9]{1,5})?|([^][%]*)")
_SHOWN = 80
A_DOMAIN = "a domain such as spam.example"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that became no rule. `reason` is one plain phrase."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Blocklist:
    """What one list says. Of rows about the same domain the strictest holds."""

    name: str
    blocks: Blocks
    obfuscated: tuple[Row, ...] = ()
    invalid: tuple[Row, ...] = ()
    noop: int = 0
    repeated: int = 0

    def doubts(self) -> list[str]:
        """What its operator may not have meant, one line each."""
        found = []
        for rows, are in ((self.obfuscated, "obfuscated"), (self.invalid, "not to be read")):
            if rows:
                count = "1 row is" if len(rows) == 1 else f"{len(rows)} rows are"
                found.append(f"{count} {are}, which blocks nobody (line {rows[0].line})")
        return found


def parse_blocklist(name: str, text: str) -> Blocklist:
    """`name` is the file's: `.csv` says that it is one; else the first row tells."""
    text = text.removeprefix("\ufeff")
    rules: dict[str, Severity] = {}
    obfuscated: list[Row] = []
    invalid: list[Row] = []
    noop = repeated = 0
    for line, domain, severity in _csv(text) if _is_csv(name, text) else _plain(text):
        if isinstance(severity, Row):
            invalid.append(severity)
            continue
        if "*" in domain:
            reason = "is obfuscated: whom it names is not known"
            obfuscated.append(Row(line, domain[:_SHOWN], reason))
            continue
        try:
            spelled = domain_of_row(domain)
        except BadInput as error:
            invalid.append(Row(line, domain[:_SHOWN], error.reason))
            continue
        if severity is None:
            noop += 1
            continue
        repeated += spelled in rules
        rules[spelled] = stricter(rules.get(spelled), severity) or severity
    return Blocklist(name, Blocks(rules), tuple(obfuscated), tuple(invalid), noop, repeated)


def together(lists: Iterable[Blocklist], spared: str = "") -> Blocks:
    """The rules of several lists; of two about the same domain the stricter one. They do not hold
    for the host `spared`."""
    rules: dict[str, Severity] = {}
    for one in lists:
        for domain, severity in one.blocks.rules.items():
            rules[domain] = stricter(rules.get(domain), severity) or severity
    return Blocks(rules, spared)


def domain_of_row(text: str) -> str:
    """The one spelling of a domain: lower case, IDN as A-labels, no port, no dot around it.

    A port is dropped: who blocks a host means its people, on whichever port they are served. A
    whole top-level domain is a slip more often than a wish, and what it purges does not come back.
    """
    if text.count(":") > 1:
        return _address(text)
    name = _PORT.sub("", text.strip()).strip(".")
    try:
        host = host_name(name)
    except ValueError as error:
        raise BadInput(text[:_SHOWN], str(error), A_DOMAIN) from None
    if "." not in host:
        raise BadInput(text[:_SHOWN], "is a whole top-level domain", A_DOMAIN)
    return host


def _address(text: str) -> str:
    """An IPv6 address, as URIs have it between their brackets."""
    found = _BRACKETS.fullmatch(text.strip())
    try:
        return str(IPv6Address((found[1] or found[2] or "") if found else ""))
    except ValueError:
        raise BadInput(text[:_SHOWN], "is no IPv6 address", A_DOMAIN) from None


_Found = tuple[int, str, Severity | Row | None]


def _is_csv(name: str, text: str) -> bool:
    if name.lower().endswith(".csv"):
        return True
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.strip().strip('"').lstrip("#").lower().startswith("domain,") or (
        "," in first and not first.lstrip().startswith("#")
    )


def _plain(text: str) -> Iterator[_Found]:
    # Not splitlines(): it also breaks at characters at which no editor counts a line.
    for number, line in enumerate(StringIO(text, newline=None), 1):
        words = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if words:
            yield number, words, "suspend"


def _csv(text: str) -> Iterator[_Found]:
    lines = StringIO(text, newline="").readlines()
    rows, skipped = csv.reader(lines), 0
    columns: tuple[str, ...] = _COLUMNS
    before, start = 0, True
    while True:
        line, error = before + 1, ""
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as found:
            row, error = [], f"is not CSV: {found}"
        after = skipped + rows.line_num
        if after > line and (error or (after == len(lines) and _is_open(lines[before:]))):
            # The rows behind it are no part of its remark: what they block is to stay blocked.
            error, after, skipped = "opens a quotation that does not end", line, line
            row, rows = next(csv.reader(lines[before:line])), csv.reader(lines[line:])
        if error:
            yield line, "", Row(line, "", error)
        before = after
        cells = [cell.strip() for cell in row]
        heading = tuple(cell.lstrip("#").strip().lower() for cell in cells)
        if start and _DOMAIN in heading:
            columns, start = heading, False
        elif any(cells) and not cells[0].startswith("#"):
            start = False
            yield _row(line, dict(zip(columns, cells, strict=False)))


def _is_open(last: list[str]) -> bool:
    """Whether the lines of the last row open a quotation that only the end of the text ends."""
    return "".join(last).count('"') % 2 == 1


def _row(line: int, cells: Mapping[str, str]) -> _Found:
    domain, word = cells.get(_DOMAIN, ""), cells.get(_SEVERITY, "").lower()
    if word not in _SEVERITIES:
        reason = f"{word[:_SHOWN]!r} is no severity: suspend, silence or noop"
        return line, domain, Row(line, domain[:_SHOWN], reason)
    return line, domain, _SEVERITIES[word]
