"""Solves for the best times of day to read an outbox; writes `crawler/protocol/rhythm_table.py`.

An author posts at the rate 1 + depth * cos(2 pi (t - peak)) a day; a read costs `days^2 / 2`, an
item costs what it waits. Policy iteration (Howard) over the phases of the day gives the best cost
and, for each phase, how many waiting items are worth a read just then. Needs numpy; takes seconds.

    python benchmarks/rhythm_table.py > crawler/protocol/rhythm_table.py
"""

from __future__ import annotations

import numpy as np

PHASES = 288  # of the computation: steps of five minutes
KEPT = 12  # of the table: every second hour
DEPTHS = (0.5, 0.95)
FIRST, RATIO, LEVELS = 0.06, 1.33, 15
MOST = 2.5  # times the plain threshold: just never, at this hour


def solve(days: float, depth: float) -> tuple[float, np.ndarray]:
    """The least cost a day, and the thresholds by phase in units of `days`."""
    rate = 1.0 + depth * np.cos(2.0 * np.pi * np.arange(PHASES) / PHASES)
    step = 1.0 / PHASES
    most = int(min(max(3.2 * days * PHASES, 40) + (PHASES if days > 0.2 else 40), 12 * PHASES))
    grown = np.concatenate([[0.0], np.cumsum(np.tile(rate, most // PHASES + 2) * step)])
    index = np.arange(PHASES)[:, None] + np.arange(most + 1)[None, :]
    waiting = grown[index] - grown[:PHASES, None]
    cost = np.zeros((PHASES, most + 1))
    cost[:, 1:] = np.cumsum((waiting[:, 1:] + waiting[:, :-1]) / 2.0 * step, axis=1)
    time, after = np.arange(most + 1) * step, index % PHASES
    rows, price = np.arange(PHASES), days * days / 2.0
    choice = np.full(PHASES, max(int(days * PHASES), 1))
    for _ in range(40):
        system, right = np.zeros((PHASES + 1, PHASES + 1)), np.zeros(PHASES + 1)
        system[rows, rows] += 1.0
        np.add.at(system, (rows, (rows + choice) % PHASES), -1.0)
        system[rows, PHASES] = choice * step
        system[PHASES, 0] = 1.0
        right[:PHASES] = cost[rows, choice] + price
        solution = np.linalg.lstsq(system, right, rcond=None)[0]
        value, mean = solution[:PHASES], solution[PHASES]
        total = cost + price - mean * time + value[after]
        total[:, : max(int(0.1 * days * PHASES), 1)] = np.inf
        better = total.argmin(axis=1)
        if (total[rows, choice] - total[rows, better]).max() < 1e-9:
            break
        choice = better
    gain = (mean - (cost + value[after] - value[:, None])[:, 1:] / time[1:]).max(axis=1)
    return float(mean), gain / days


def main() -> None:
    print('"""Made by `benchmarks/rhythm_table.py`, which says what it is. Not to be edited.')
    print()
    print(
        "Rows: intervals FIRST * RATIO^n days; columns: twelve phases of the day from its peak on;"
    )
    print('values: hundredths of the plain threshold."""')
    print()
    print("from __future__ import annotations\n")
    print("from typing import Final\n")
    print(f"DEPTHS: Final = {DEPTHS}\nFIRST: Final = {FIRST}\nRATIO: Final = {RATIO}")
    print("THRESHOLDS: Final[tuple[tuple[tuple[int, ...], ...], ...]] = (")
    for depth in DEPTHS:
        print("    (")
        for level in range(LEVELS):
            _, thresholds = solve(FIRST * RATIO**level, depth)
            kept = np.minimum(thresholds[:: PHASES // KEPT], MOST)
            print(f"        ({', '.join(str(round(100 * x)) for x in kept)}),")
        print("    ),")
    print(")")


if __name__ == "__main__":
    main()
