"""Pages against a real server: the example, what is counted of it, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.policy_change import Dimension
from nearturn import Client
from server.cli.load_run import put_in_force
from tests.contract.messages import policy
from tests.scenarios.doors import connect_port
from tests.scenarios.server_process import ServerProcess

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "browser"
NODE = shutil.which("node")
HAS_PACKAGES = (EXAMPLE / "node_modules" / ".package-lock.json").is_file()
NEEDS_NODE = pytest.mark.skipif(
    NODE is None or not HAS_PACKAGES,
    reason="Node is not here, or was not when `make setup` ran",
)

ORIGIN = "https://console.example.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server that pages of one origin may call, with a policy in force."""
    with ServerProcess(
        tmp_path_factory.mktemp("browser"),
        "--no-timers",
        "--connect-listen=127.0.0.1:0",
        f"--connect-origins={ORIGIN}",
        "--metrics-listen=127.0.0.1:0",
    ) as started:
        with Client(started.address) as client:
            put_in_force(client, policy(), [d for d in Dimension if d], "tests")
        yield started


def _called(server: ServerProcess, path: str, body: str = "{}") -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{connect_port(server)}/{path}",
        body.encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        return json.load(answer)


@NEEDS_NODE
def test_a_page_gets_a_match_in_each_way(server: ServerProcess, tmp_path: Path) -> None:
    """As strictly as a browser asks: stored, repeated, matched, explained, refused."""
    schema = tmp_path / "nearturn.binpb"
    script = ROOT / "scripts" / "proto.py"
    subprocess.run([sys.executable, script, "--image", schema], check=True)
    assert NODE is not None
    url = f"http://127.0.0.1:{connect_port(server)}"
    done = subprocess.run(
        [NODE, EXAMPLE / "as_a_page.mjs", url, schema, ORIGIN, "a-token"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    fault = "got nan; accepted: finite degrees from -90 to 90"
    assert told.pop("stranger") == ["[unknown] the origin may not call"]
    assert told == {
        way: {
            "is_repeated": True,
            "seen": ["OUTCOME_WAITING", "OUTCOME_MATCHED"],
            "has_summary": True,
            "faults": [f"return_item.location.latitude: {fault}"],
        }
        for way in ("connect-json", "connect", "grpc-web")
    }


def test_calls_of_pages_are_counted_and_logged(server: ServerProcess) -> None:
    """Under the same names as gRPC's, with the caller, and with nothing they carry."""
    _called(server, "nearturn.v1.MatchService/RunRound")
    lines = [json.loads(line) for line in server.logged().splitlines()]
    told = next(x for x in reversed(lines) if x["event"] == "call")
    assert told["method"] == "nearturn.v1.MatchService.RunRound"
    assert (told["code"], told["caller"]) == ("OK", "local")
    (port,) = {line["port"] for line in lines if line["event"] == "metrics"}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = answer.read().decode()
    counted = r"nearturn_rpc_duration_seconds_count\{[^}]*RunRound[^}]*\} ([0-9.]+)"
    assert float(re.findall(counted, found)[0]) >= 1


def test_pages_are_told_that_the_server_stops(server: ServerProcess) -> None:
    """Health first, then streams with UNAVAILABLE, then nobody is there; exit 0."""
    assert _called(server, "grpc.health.v1.Health/Check") == {"status": "SERVING"}
    watching = subprocess.Popen(
        [sys.executable, "-c", _WATCHER, str(connect_port(server))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert watching.stdout.readline() == "200\n"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    told, _ = watching.communicate(timeout=30)
    assert '"code": "unavailable"' in told
    assert "google.rpc.RetryInfo" in told
    with pytest.raises(urllib.error.URLError):
        _called(server, "grpc.health.v1.Health/Check")
    assert "Traceback" not in server.logged()
    assert '"level": "error"' not in server.logged()


# Reads a stream of decisions to its end, as a page that watches does.
_WATCHER = """
import http.client, sys
body = b"\\0\\0\\0\\0\\x02{}"
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.request("POST", "/nearturn.v1.MatchService/WatchDecisions", body,
                   {"content-type": "application/connect+json"})
answer = connection.getresponse()
print(answer.status, flush=True)
print(answer.read().decode(errors="replace"))
"""


def test_the_page_finds_all_that_it_imports() -> None:
    """The import map has every name that is imported, and its files are there."""
    if not HAS_PACKAGES:
        pytest.skip("npm has not installed the packages of the example")
    page = (EXAMPLE / "index.html").read_text()
    (text,) = re.findall(r'<script type="importmap">(.*?)</script>', page, re.DOTALL)
    mapped = {
        name: (EXAMPLE / path).resolve()
        for name, path in json.loads(text)["imports"].items()
    }
    reached: set[Path] = set()
    waiting = [EXAMPLE / "page.mjs"]
    used = set()
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        for name in re.findall(r'(?:from|import)\s+"([^"\n]+)"', module.read_text()):
            used.add(name)
            found = module.parent / name if name.startswith(".") else mapped[name]
            waiting.append(found.resolve())
    assert len(reached) > 50
    assert set(mapped) <= used, "a name of the map that nothing imports"


def test_the_lock_names_no_registry() -> None:
    """Which registry to use is the machine's business; every package has its hash."""
    lock = json.loads((EXAMPLE / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) == 3
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
