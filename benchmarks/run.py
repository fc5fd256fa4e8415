"""Documents per CPU-second: Fedpull beside a stock Scrapy spider and a bare aiohttp loop.

    .venv/bin/python benchmarks/run.py [--quick] [--shape single] [--runs 5]

One nginx serves the same documents to all. CPU seconds are those of each contender's process, user
and system; the runs take turns, and the medians are compared. What a contender holds at its end is
counted, and a contender that misses a document fails the benchmark.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import corpus
import measure
import nginx
import report
from contenders.plan import Plan
from corpus import Corpus
from entrants import ENTRANTS, ENVIRON, Entrant
from report import Result

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Shape:
    """What is fetched, and how."""

    name: str
    size: int  # posts, or hosts
    quick: int
    scheme: str
    concurrency: int


SHAPES = (
    Shape("single", 4000, 400, "https", 16),
    Shape("pages", 8000, 800, "https", 16),
    Shape("outboxes", 8000, 800, "https", 16),
    # Fedpull's dispatcher has 128 places; the others get as many.
    Shape("hosts", 600, 60, "https", 128),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if nginx.path() is None:
        print(f"nginx is not installed; expected after: {nginx.INSTALL}", file=sys.stderr)
        return 2
    # Told to end, it ends nginx as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    entrants = [e for e in ENTRANTS if options.only in e.name.lower()]
    results: list[Result] = []
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir))
    try:
        for shape in _shapes(options):
            if options.shape in (None, shape.name):
                size = options.size or (shape.quick if options.quick else shape.size)
                for result in _shape(shape, size, entrants, options.runs, folder / shape.name):
                    results.append(result)
                    print(report.line(result), file=sys.stderr)
    except measure.FailedError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    print(report.table(results))
    kept = report.save(results, Path(options.results), options.quick)
    print(f"\nAll runs: {kept}")
    return 0


def _shapes(options: argparse.Namespace) -> Iterator[Shape]:
    """With the scheme that was asked for; many hosts are measured for the sake of TLS."""
    for shape in SHAPES:
        fixed = options.scheme is None or shape.name == "hosts"
        yield shape if fixed else replace(shape, scheme=options.scheme)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the documents, one run")
    parser.add_argument("--shape", choices=corpus.SHAPES, help="only this one")
    parser.add_argument("--scheme", choices=("http", "https"), help="of single and pages (https)")
    parser.add_argument("--only", default="", help="only contenders with this in their name")
    parser.add_argument("--runs", type=int, help="how often each contender runs (5; quick: 1)")
    parser.add_argument("--size", type=int, help="posts, or hosts")
    parser.add_argument("--dir", help="where to work: the disk that the stores are on")
    parser.add_argument("--results", default=str(_HERE / "results"), help="where to keep figures")
    parser.add_argument("--keep", action="store_true", help="leave logs and stores")
    options = parser.parse_args(arguments)
    options.only = options.only.lower()
    options.runs = options.runs or (1 if options.quick else 5)
    return options


def _shape(
    shape: Shape, size: int, entrants: Sequence[Entrant], runs: int, folder: Path
) -> Iterator[Result]:
    documents = folder / "documents"
    nothing = corpus.write_empty(documents, scheme=shape.scheme)
    with nginx.serving(folder / "nginx", documents, keep_alive=shape.name != "hosts") as server:
        at = server.port(shape.scheme), str(server.ca_file), shape.concurrency
        for number in range(runs):
            there = corpus.write(documents, shape.name, size, scheme=shape.scheme)
            first = Visit(shape.name, there, Plan(there.actors, (), *at), there.documents)
            start = Visit("start", nothing, Plan(nothing.actors, (), *at), 1)
            yield from _visit(first, start, entrants, folder / str(number))
            if shape.name == "hosts":
                there = corpus.write(documents, shape.name, size, scheme=shape.scheme, news=1)
                second = Visit("poll", there, Plan(there.actors, there.outboxes, *at), size)
                yield from _visit(second, start, entrants, folder / str(number))


@dataclass(frozen=True, slots=True)
class Visit:
    """One time that a contender is sent to a corpus; `gains` documents are there for it to get."""

    name: str
    corpus: Corpus
    plan: Plan
    gains: int


def _visit(
    visit: Visit, start: Visit, entrants: Sequence[Entrant], folder: Path
) -> Iterator[Result]:
    """Each contender in turn, and before it what it costs to start. A second visit finds the store
    of the first."""
    for number, entrant in enumerate(entrants):
        place = folder / str(number)
        cost = _go(start, entrant, place / f"start-{visit.name}")
        yield replace(_go(visit, entrant, place), start=cost.cpu)


def _go(visit: Visit, entrant: Entrant, folder: Path) -> Result:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{visit.name}.log"
    cost = measure.run(entrant.command(visit.plan, folder), log, ENVIRON)
    kept, there = entrant.kept(folder, cost.output), entrant.there(visit.plan, visit.corpus)
    if kept != there:
        reason = f"{kept} of {there} documents; --keep leaves {log}"
        raise measure.FailedError(f"{entrant.name}, {visit.name}: {reason}")
    return Result(visit.name, entrant.name, visit.gains, cost.cpu, 0.0, cost.wall, cost.memory)


if __name__ == "__main__":
    sys.exit(main())
