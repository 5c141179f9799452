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
from server.cli.top_figures import Figures, quantile
from server.cli.top_run import _shown, screen
from server.telemetry.counting import Counting
from server.telemetry.metrics import Metrics
from server.telemetry.metrics_server import MetricsServer
from server.telemetry.scrape import Scrape, read_scrape

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
