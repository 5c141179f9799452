"""What a server shows when what it stands on is gone, or never was there."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from matcher.domain.errors import InvalidValueError
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from server.telemetry.sight import Sight, SightParams
from tests.scenarios.entities import TENANT

_OFF = SightParams(
    metrics_listen="", trace_endpoint="", trace_percent=100, queue_limit=9
)


def _scraped(sight: Sight) -> dict[str, float]:
    assert sight._server is not None
    url = f"http://127.0.0.1:{sight._server.port}/metrics"
    with urllib.request.urlopen(url) as answer:
        text = str(answer.read(), "utf-8")
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


async def test_a_store_that_is_gone_is_told_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    """Its size has no sample then; leases and queue are told as before."""
    store = open_store(f"sqlite:///{tmp_path / 'test.db'}")
    options = RuntimeOptions(tenants=(TENANT,), threads=1, runs_timers=False)
    runtime = Runtime(store, options=options)
    await runtime.start()
    params = SightParams("127.0.0.1:0", "", 100, queue_limit=9)
    sight = Sight(params, lambda: None)
    sight.open(runtime)
    there = _scraped(sight)
    assert there["nearturn_store_reachable"] == 1
    assert there["nearturn_store_bytes"] > 0
    await runtime.stop()
    gone = _scraped(sight)
    assert gone["nearturn_store_reachable"] == 0
    assert "nearturn_store_bytes" not in gone
    assert gone["nearturn_queue_limit"] == 9
    assert gone["nearturn_leases_wanted"] == 1
    sight.close()


def test_nothing_is_told_where_nothing_is_on() -> None:
    """No port and no watch: API and runtime tell nobody."""
    sight = Sight(_OFF, lambda: None)
    assert sight.watch is None
    sight.close()


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where traces are asked for and OpenTelemetry is not installed."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "server.telemetry.tracing", raising=False)
    params = SightParams("", "http://127.0.0.1:4317", 100, queue_limit=9)
    with pytest.raises(InvalidValueError, match=r"nearturn\[otel\]"):
        Sight(params, lambda: None)
