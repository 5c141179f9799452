"""`nearturn top`: rates between two looks, a server that starts anew, and one gone."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rich.console import Console
from rich.live import Live
from rich.text import Text

from matcher.domain.errors import InvalidValueError, UnavailableError
from matcher.domain.ids import TenantId
from matcher.engine.shard_sizes import ShardSizes
from server.cli.top_figures import Figures, quantile
from server.cli.top_run import _shown, print_once, screen
from server.runtime.state import RuntimeState
from server.telemetry.counting import Counting
from server.telemetry.metrics import Metrics
from server.telemetry.metrics_server import MetricsServer
from server.telemetry.scrape import Scrape, read_scrape
from server.telemetry.state_collector import Standing

_METHOD = "nearturn.v1.ReturnService.SubmitReturn"


@pytest.fixture(name="metrics")
def _metrics() -> Metrics:
    return Metrics(lambda: None, "1.2.3")


@pytest.fixture(name="url")
def _url(metrics: Metrics) -> Iterator[str]:
    server = MetricsServer("127.0.0.1:0", metrics.registry)
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def _rows(figures: Figures, title: str) -> dict[str, str]:
    (found,) = [each for each in figures.sections() if each.title == title]
    return dict(found.rows)


def test_rates_are_of_the_time_between_two_looks(metrics: Metrics, url: str) -> None:
    """Ten calls before the first look, five in the two seconds after it: 2.5 /s."""
    counting = Counting(metrics)
    for _ in range(10):
        counting.began(_METHOD, ()).ended("OK")
    before = read_scrape(url, at_s=1_000.0)
    for code in ("OK", "OK", "OK", "OK", "INTERNAL"):
        counting.began(_METHOD, ()).ended(code)
    figures = Figures(read_scrape(url, at_s=1_002.0), before)
    calls = _rows(figures, "Calls")
    assert calls["all"] == "2.5 /s, 15 in all"
    assert calls["SubmitReturn"] == "2.5 /s"
    assert calls["not OK"] == "0.5 /s, 1 faults of ours"


def test_the_first_look_counts_from_the_start(metrics: Metrics, url: str) -> None:
    """Without an earlier look the time is that of the process."""
    metrics.decisions.labels("MATCHED").inc(30)
    first = read_scrape(url, at_s=0.0)
    began_s = first.total("process_start_time_seconds")
    assert began_s is not None
    figures = Figures(Scrape(began_s + 60.0, first.samples), None)
    assert _rows(figures, "Decisions")["MATCHED"] == "0.5 /s, 30 in all"
    assert "up 1:00" in figures.headline()


def test_a_server_that_started_anew_is_not_held_against_the_old_one() -> None:
    """Its counters are lower: it is looked at from its own start on."""
    names = ("process_start_time_seconds", "nearturn_round_matches_total")

    def look(at_s: float, started_s: float, matches: float) -> Scrape:
        values = dict(zip(names, (started_s, matches), strict=True))
        build = {frozenset({("version", "1")}): 1.0}
        samples = {name: {frozenset(): value} for name, value in values.items()}
        return Scrape(at_s, {**samples, "nearturn_build_info": build})

    figures = Figures(look(1_010.0, 1_005.0, 20.0), look(1_000.0, 10.0, 900.0))
    assert _rows(figures, "Rounds")["matches"] == "4.0 /s, 20 in all"


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 1.0), (0.75, 1.5), (0.9, 1.8), (0.99, 2.0)],
)
def test_quantiles_are_those_of_prometheus(share: float, expected: float) -> None:
    """
    50 below 1 s, 50 between 1 and 2: spread evenly inside each bucket.

    The last two of a hundred and two are over 2 s: of them the bound is all there is.
    """
    buckets = {1.0: 50.0, 2.0: 100.0, math.inf: 100.0}
    if share == 0.99:
        buckets[math.inf] = 102.0
    assert quantile(buckets, share) == pytest.approx(expected)
    assert quantile({1.0: 0.0, math.inf: 0.0}, share) is None


def _of_tenants(waiting: dict[str, int], queued: dict[str, int]) -> Metrics:
    sizes = {
        TenantId(each): ShardSizes(count, 2, 3 * count, *(0,) * 7)
        for each, count in waiting.items()
    }
    lengths = {TenantId(each): count for each, count in queued.items()}
    state = RuntimeState(lengths, len(sizes), {}, sizes)
    return Metrics(lambda: Standing(True, 100, state), "1")


def _look(metrics: Metrics, at_s: float) -> Scrape:
    server = MetricsServer("127.0.0.1:0", metrics.registry)
    try:
        return read_scrape(f"http://127.0.0.1:{server.port}", at_s=at_s)
    finally:
        server.close()


def test_several_tenants_are_shown_by_the_time_that_they_take() -> None:
    """Of ten seconds: 5 for c, 2.5 for b, nothing for a, whose 9 s were before them."""
    metrics = _of_tenants({"a": 7, "b": 1_234, "c": 0}, {"b": 5})
    metrics.tenant_engine.labels("a").inc(9.0)
    before = _look(metrics, 1_000.0)
    metrics.tenant_engine.labels("b").inc(2.5)
    metrics.tenant_engine.labels("c").inc(5.0)
    figures = Figures(_look(metrics, 1_010.0), before)
    rows = _rows(figures, "Tenants: engine, queue, returns waiting")
    assert [(name, *value.split()) for name, value in rows.items()] == [
        ("c", "50.0", "%", "0", "0"),
        ("b", "25.0", "%", "5", "1,234"),
        ("a", "0.0", "%", "0", "7"),
    ]
    assert figures.tenants() == ["a", "b", "c"]


def test_of_many_tenants_the_busiest_are_shown_and_the_rest_counted() -> None:
    """Eight of twenty, whatever their names; a long one is cut."""
    names = [f"{'x' * 60}{number:02}" for number in range(20)]
    metrics = _of_tenants(dict.fromkeys(names, 1), {})
    metrics.tenant_engine.labels(names[13]).inc(1.0)
    figures = Figures(_look(metrics, 1_000.0), None)
    (section,) = [each for each in figures.sections() if "Tenants" in each.title]
    assert len(section.rows) == 9
    assert not section.rows[0][1].startswith("0.0 %")
    assert section.rows[0][0] == f"{'x' * 17}…"
    assert section.rows[-1] == ("others", "12")


def test_one_tenant_is_looked_at_closely_where_it_is_named() -> None:
    """All that there is of it, and no other; its name is no markup."""
    metrics = _of_tenants({"[red]": 7, "b": 8}, {"[red]": 4})
    before = _look(metrics, 1_000.0)
    metrics.tenant_engine.labels("[red]").inc(1.0)
    metrics.refused(TenantId("[red]"))
    metrics.refused(TenantId("b"))
    figures = Figures(_look(metrics, 1_002.0), before, "[red]")
    assert _rows(figures, "Tenant [red]") == {
        "engine": "50.0 % of its time",
        "in the queue": "4",
        "refused": "0.5 /s, 1 in all",
        "returns waiting": "7",
        "open demands": "21",
    }
    assert not [each for each in figures.sections() if "Tenants" in each.title]
    console = Console(file=io.StringIO(), width=60)
    console.print(screen(figures, "http://x", 60))
    assert isinstance(console.file, io.StringIO)
    assert "Tenant [red]" in console.file.getvalue()


def test_a_server_of_one_tenant_is_shown_as_ever() -> None:
    """The totals are its own."""
    figures = Figures(_look(_of_tenants({"default": 7}, {}), 1.0), None)
    assert not [each for each in figures.sections() if "Tenant" in each.title]


@pytest.mark.parametrize(
    ("waiting", "accepted"),
    [({"a": 1, "b": 2}, "accepted: a, b"), ({}, "accepted: none: the server decides")],
)
def test_a_tenant_that_the_server_has_not_is_refused(
    waiting: dict[str, int], accepted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With those that it has, or that it has none just now."""
    metrics = _of_tenants(waiting, {})
    server = MetricsServer("127.0.0.1:0", metrics.registry)
    try:
        url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(InvalidValueError, match=accepted):
            print_once(url, "c")
        assert capsys.readouterr().out == ""
        if waiting:
            print_once(url, "b")
            assert "\nTenant b\n" in capsys.readouterr().out
    finally:
        server.close()


@pytest.mark.parametrize("width", [60, 120, 200])
def test_a_screen_has_every_section_at_any_width(
    metrics: Metrics, url: str, width: int
) -> None:
    """Narrow terminals get one column, wide ones several; nothing is left out."""
    figures = Figures(read_scrape(url, at_s=1.0), None)
    console = Console(file=io.StringIO(), width=width)
    console.print(screen(figures, url, width))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(section.title in shown for section in figures.sections())
    assert all(len(line) <= width for line in shown.splitlines())


def test_a_server_that_is_gone_is_waited_for(metrics: Metrics) -> None:
    """The screen says so, and the next look begins anew."""
    server = MetricsServer("127.0.0.1:0", metrics.registry)
    url = f"http://127.0.0.1:{server.port}"
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Live(Text(""), console=console, auto_refresh=False) as live:
        assert _shown(live, url, None) is not None
        server.close()
        assert _shown(live, url, None) is None
    assert isinstance(console.file, io.StringIO)
    assert f"no metrics at {url}" in console.file.getvalue()
    with pytest.raises(UnavailableError, match="no metrics at"):
        read_scrape(url, at_s=0.0)


class _Other(BaseHTTPRequestHandler):
    """Metrics of something else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"other_total 1\n" if "text" not in self.path else b"<html>")

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.parametrize("path", ["", "/text"])
def test_other_peoples_metrics_are_refused(path: str) -> None:
    """A page, or the metrics of another program, is no server of ours."""
    with HTTPServer(("127.0.0.1", 0), _Other) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}{path}"
        with pytest.raises(InvalidValueError, match="metrics_listen"):
            read_scrape(url, at_s=0.0)


def test_only_http_is_asked() -> None:
    """A file is not read, whatever the URL says."""
    with pytest.raises(InvalidValueError, match="metrics: got 'file:///etc/passwd'"):
        read_scrape("file:///etc/passwd", at_s=0.0)
