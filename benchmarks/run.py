"""Documents per CPU-second: Fedpull beside a stock Scrapy spider and a bare aiohttp loop.

    .venv/bin/python benchmarks/run.py [--quick] [--shape single] [--runs 5]

One nginx serves the same documents to all. CPU seconds are those of each contender's process, user
and system; the runs take turns, and the medians are compared. What a contender holds at its end is
counted, and a contender that misses a document fails the benchmark.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import corpus
import measure
import nginx
import report
from contenders.plan import Plan
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
    Shape("single", 4000, 400, "http", 16),
    Shape("pages", 8000, 800, "http", 16),
    # Fedpull's dispatcher has 128 places; the others get as many.
    Shape("hosts", 600, 60, "https", 128),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if nginx.path() is None:
        print(f"nginx is not installed; expected after: {nginx.INSTALL}", file=sys.stderr)
        return 2
    entrants = [e for e in ENTRANTS if options.only in e.name.lower()]
    results: list[Result] = []
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir))
    try:
        for shape in SHAPES:
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
    kept = report.save(results, _HERE / "results", options.quick)
    print(f"\nAll runs: {kept}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the documents, one run")
    parser.add_argument("--shape", choices=corpus.SHAPES, help="only this one")
    parser.add_argument("--only", default="", help="only contenders with this in their name")
    parser.add_argument("--runs", type=int, help="how often each contender runs (5; quick: 1)")
    parser.add_argument("--size", type=int, help="posts, or hosts")
    parser.add_argument("--dir", help="where to work: the disk that the stores are on")
    parser.add_argument("--keep", action="store_true", help="leave logs and stores")
    options = parser.parse_args(arguments)
    options.only = options.only.lower()
    options.runs = options.runs or (1 if options.quick else 5)
    return options


def _shape(
    shape: Shape, size: int, entrants: Sequence[Entrant], runs: int, folder: Path
) -> Iterator[Result]:
    documents = folder / "documents"
    with nginx.serving(folder / "nginx", documents, keep_alive=shape.name != "hosts") as server:
        port, ca_file = server.port(shape.scheme), str(server.ca_file)
        for number in range(runs):
            first = corpus.write(documents, shape.name, size, scheme=shape.scheme)
            places = {e.name: folder / f"{number}-{i}" for i, e in enumerate(entrants)}
            for entrant in entrants:
                place = places[entrant.name]
                empty = _go("start", entrant, place / "empty", Plan((), (), port, ca_file, 1), 0, 0)
                plan = Plan(first.actors, (), port, ca_file, shape.concurrency)
                result = _go(shape.name, entrant, place, plan, first.documents, first.documents)
                yield result.after(empty.cpu)
            if shape.name == "hosts":
                yield from _polls(shape, size, entrants, places, (port, ca_file), documents)


def _polls(
    shape: Shape,
    size: int,
    entrants: Sequence[Entrant],
    places: dict[str, Path],
    at: tuple[int, str],
    documents: Path,
) -> Iterator[Result]:
    """The second visit: every outbox has one new post, and a connection of its own."""
    news = corpus.write(documents, shape.name, size, scheme=shape.scheme, news=1)
    for entrant in entrants:
        place = places[entrant.name]
        empty = _go("start", entrant, place / "empty", Plan((), (), *at, 1), 0, 0)
        plan = Plan(news.actors, news.outboxes, *at, shape.concurrency)
        holds = news.documents if entrant.stores else 2 * size
        yield _go("poll", entrant, place, plan, size, holds).after(empty.cpu)


def _go(
    shape: str, entrant: Entrant, folder: Path, plan: Plan, documents: int, holds: int
) -> Result:
    """One run. `holds` is what the contender must hold at its end, `documents` what that took."""
    folder.mkdir(parents=True, exist_ok=True)
    command = entrant.command(plan, folder)
    cost = measure.run(command, folder / f"{shape}.log", ENVIRON)
    kept = entrant.kept(folder, cost.output)
    if kept != holds:
        log = folder / f"{shape}.log"
        raise measure.FailedError(
            f"{entrant.name}, {shape}: {kept} of {holds} documents; see {log}"
        )
    return Result(shape, entrant.name, documents, cost.cpu, 0.0, cost.wall, cost.memory)


if __name__ == "__main__":
    sys.exit(main())
