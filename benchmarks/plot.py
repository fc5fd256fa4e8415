"""A bar chart as SVG text: groups of bars beside a line at 1. No library, no measuring of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_COLOURS = ("#1b6ca8", "#c9c9c9", "#a3a3a3", "#e0a458", "#b5651d")
_LEFT, _TOP, _BAR, _GAP, _SCALE = 190, 46, 9, 14, 190
_WIDTH = 720


def bars(groups: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> str:
    """Horizontal bars of each group, in the order of `names`; 1 is the oracle."""
    parts = []
    for n, name in enumerate(names):
        x = 16 + n * 140
        parts.append(f'<rect x="{x}" y="14" width="11" height="11" fill="{_COLOURS[n]}"/>')
        parts.append(f'<text x="{x + 16}" y="24">{escape(name)}</text>')
    y = _TOP
    for group, values in groups.items():
        middle = y + len(names) * _BAR / 2 + 4
        parts.append(f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{escape(group)}</text>')
        for n, name in enumerate(names):
            long = min(values[name], 2.6) * _SCALE
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{long:.1f}" height="{_BAR - 1}"'
                f' fill="{_COLOURS[n]}"/>'
            )
            if n == 0:
                label = f'<text x="{_LEFT + long + 5:.1f}" y="{y + 8}">{values[name]:.2f}</text>'
                parts.append(label)
            y += _BAR
        y += _GAP
    x = _LEFT + _SCALE
    parts.append(f'<line x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{y}" stroke="#444"/>')
    parts.append(f'<text x="{x}" y="{y + 12}" text-anchor="middle">oracle</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 22}"'
        ' font-family="sans-serif" font-size="11" role="img">'
        "<title>How near each policy comes to the oracle, at equal requests</title>"
        f'<rect width="{_WIDTH}" height="{y + 22}" fill="#fff"/>'
    )
    return head + "\n".join(parts) + "</svg>\n"
