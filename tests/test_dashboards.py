"""The dashboard and the alert rules of deploy/: they name only metrics and labels that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from api_cases import serving
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD = ROOT / "deploy" / "grafana" / "fedpull.json"
RULES = ROOT / "deploy" / "prometheus" / "fedpull.rules.yml"
# tests/test_metrics.py compares this page with what the server tells.
PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| ([^|]*) \|", re.MULTILINE)
# What Prometheus adds to each series itself.
OF_PROMETHEUS = {"job", "instance"}


def series() -> dict[str, set[str]]:
    """By the name of a series as it can be asked for: its labels."""
    found: dict[str, set[str]] = {}
    for name, type, labels in ROW.findall(PAGE):
        known = set(re.findall(r"`(\w+)`", labels)) | OF_PROMETHEUS
        if type == "histogram":
            found |= {f"{name}_bucket": known | {"le"}, f"{name}_sum": known}
            found[f"{name}_count"] = known
        else:
            found[name] = known
    return found


@cache
def words() -> frozenset[str]:
    """What the page names as values of labels."""
    return frozenset(re.findall(r"`([a-z0-9_]+)`", PAGE))


def selectors(node: Any) -> Iterator[promql.VectorSelector]:
    if isinstance(node, promql.VectorSelector):
        yield node
        return
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        child = getattr(node, name, None)
        if child is not None:
            yield from selectors(child)
    for child in getattr(node, "args", ()):
        yield from selectors(child)


def grouped(node: Any) -> Iterator[str]:
    """The labels that an expression groups by."""
    modifier = getattr(node, "modifier", None)
    labels = getattr(modifier, "labels", None)
    if isinstance(node, promql.AggregateExpr) and labels is not None:
        yield from labels
    for name in ("expr", "lhs", "rhs", "param"):
        child = getattr(node, name, None)
        if child is not None:
            yield from grouped(child)
    for child in getattr(node, "args", ()):
        yield from grouped(child)


def panels() -> list[dict[str, Any]]:
    return [one for one in json.loads(DASHBOARD.read_text("utf-8"))["panels"] if "targets" in one]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[Any]:
    for panel in panels():
        for target in panel["targets"]:
            name = f"the panel {panel['title']}, {target['refId']}"
            yield pytest.param(target["expr"].replace("$__rate_interval", "5m"), id=name)
    for rule in rules():
        yield pytest.param(rule["expr"], id=f"the alert {rule['alert']}")


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_names_what_there_is(expression: str) -> None:
    """Each metric, each label, and each value of a label stands in docs/metrics.md."""
    known, tree = series(), promql.parse(expression)
    named = list(selectors(tree))
    assert named
    for selector in named:
        assert selector.name is not None
        assert selector.name in known, selector.name
        for matcher in selector.matchers.matchers:
            assert matcher.name in known[selector.name], (selector.name, matcher.name)
            if matcher.name not in OF_PROMETHEUS:
                assert set(matcher.value.split("|")) <= words(), matcher.value
    for label in grouped(tree):
        assert any(label in known[selector.name or ""] for selector in named), label


def test_every_metric_of_ours_has_a_place() -> None:
    """In a panel or an alert: what nobody looks at need not be counted. But for a few details,
    which are for who wants to know more."""
    asked = {
        selector.name
        for one in expressions()
        for selector in selectors(promql.parse(one.values[0]))
    }
    unasked = {name for name, _, _ in ROW.findall(PAGE) if name.startswith("fedpull_")}
    unasked -= {re.sub(r"_(bucket|sum|count)$", "", str(name)) for name in asked} | asked

    assert unasked <= {
        *("fedpull_references", "fedpull_changes_total", "fedpull_sources"),
        *("fedpull_requests_total", "fedpull_request_retries_total", "fedpull_redirects_total"),
        *("fedpull_connections_total", "fedpull_addresses_refused_total", "fedpull_knocks_total"),
        *("fedpull_robots_fetches_total", "fedpull_robots_refusals_total"),
        *("fedpull_key_fetches_total", "fedpull_key_fetches_put_off_total", "fedpull_followers"),
        *("fedpull_notifications_settled_total", "fedpull_notification_retries_total"),
        *("fedpull_deliveries_in_flight", "fedpull_delivery_retries_total"),
        *("fedpull_budget_scarce", "fedpull_store_jobs_total"),
        *("fedpull_store_map_bytes", "fedpull_store_map_used_bytes"),
    }


async def test_labels_have_no_other_values(tmp_path: Path) -> None:
    """Whatever strangers send, there are no more series than the page lists: each value of each
    label that the server tells stands there."""
    async with serving(tmp_path) as api:
        text = (await api.get("/metrics")).body.decode()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    labels = {
        (name, value)
        for sample in samples
        for name, value in sample.labels.items()
        if name not in ("le", "version")
    }

    assert len(labels) > 50
    assert {value for _, value in labels} <= words()
    assert len(samples) < 1_000


def test_panels_stand_side_by_side() -> None:
    """No two of them overlap, and each has a number of its own."""
    dashboard: Mapping[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("rule", [pytest.param(one, id=one["alert"]) for one in rules()])
def test_an_alert_says_what_to_do(rule: Mapping[str, Any]) -> None:
    """Its severity, a summary, a description, and a paragraph in the operator's guide."""
    guide = (ROOT / "docs" / "operating.md").read_text("utf-8")
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert f"`{rule['alert']}`" in guide
