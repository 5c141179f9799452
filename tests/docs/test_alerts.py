"""Alert rules and dashboard ask for metrics that there are, and work as they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.metrics import Described, described

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "nearturn.json"

_NAME = re.compile(r"\b(nearturn_[a-z0-9_]+)(\{[^}]*\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_PARTS = ("_bucket", "_sum", "_count")
# What Prometheus puts on each sample, and what only buckets have.
_SCRAPED = {"job", "instance", "le"}

with_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool: make alert-tools"
)


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _lives() -> list[dict[str, Any]]:
    lives: list[dict[str, Any]]
    lives = yaml.safe_load((RULES / "alerts.test.yml").read_text())["tests"]
    return lives


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return panels


def _asked() -> Iterator[tuple[str, str]]:
    for rule in _rules():
        yield rule["alert"], rule["expr"]
    for panel in _panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def _found(name: str, metrics: dict[str, Described]) -> Described | None:
    for part in _PARTS:
        whole = metrics.get(name.removesuffix(part))
        if whole is not None and name.endswith(part) and whole.kind == "histogram":
            return whole
    found = metrics.get(name)
    return found if found is not None and found.kind != "histogram" else None


@pytest.mark.parametrize(("where", "expression"), list(_asked()))
def test_metrics_and_labels_exist(where: str, expression: str) -> None:
    """A metric that is renamed breaks its alert here, and not on the night."""
    metrics = {each.name: each for each in described()}
    for name, labels in _NAME.findall(expression):
        found = _found(name, metrics)
        assert found is not None, f"{where}: {name}"
        named = set(_LABEL.findall(labels))
        assert named <= {*found.labels, *_SCRAPED}, f"{where}: {named}"


def test_every_metric_is_on_the_dashboard() -> None:
    """What is worth counting is worth a line; `build_info` included."""
    text = DASHBOARD.read_text()
    assert [each.name for each in described() if each.name not in text] == []


def test_panels_have_a_place_and_a_unit() -> None:
    """Ids are unique, panels do not overlap, each asks the chosen data source."""
    panels = _panels()
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["datasource"]["uid"] == "${datasource}"


def test_every_alert_is_documented_and_tried() -> None:
    """Each has a row in docs/METRICS.md, and a life in which it fires and does not."""
    document = (ROOT / "docs" / "METRICS.md").read_text()
    tried = {
        test["alertname"]: {
            bool(each["exp_alerts"]) for each in life["alert_rule_test"]
        }
        for life in _lives()
        for test in life["alert_rule_test"]
    }
    names = [rule["alert"] for rule in _rules()]
    assert sorted(tried) == sorted(names)
    assert set(map(frozenset, tried.values())) == {frozenset({True, False})}
    for rule in _rules():
        row = f"| `{rule['alert']}` | {rule['labels']['severity']} |"
        assert f"{row} {rule['annotations']['summary']} |" in document
        assert rule["annotations"]["action"]


def _promtool(*arguments: str) -> None:
    command = (str(shutil.which("promtool")), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@with_promtool
def test_alerts_do_what_they_say() -> None:
    """Prometheus itself fires each one when it should, and not before."""
    _promtool("check", "rules", str(RULES / "alerts.yml"))
    _promtool("check", "config", str(RULES / "prometheus.yml"))
    _promtool("test", "rules", str(RULES / "alerts.test.yml"))


@with_promtool
def test_panels_ask_what_prometheus_understands(tmp_path: Path) -> None:
    """Each expression parses, with Grafana's variables filled in."""
    rules = [
        {
            "record": f"panel:number_{number}",
            "expr": target["expr"]
            .replace("$__rate_interval", "5m")
            .replace("$instance", ".*"),
        }
        for number, target in enumerate(
            target for panel in _panels() for target in panel.get("targets", ())
        )
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    _promtool("check", "rules", str(file))
