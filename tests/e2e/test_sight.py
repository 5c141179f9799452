"""What a real server shows of itself, and what it never does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.type.latlng_pb2 import LatLng
from prometheus_client.parser import text_string_to_metric_families

from matcher.domain.decision import Outcome
from matcher.domain.reason import ReasonCode
from matcher.engine.stages import Stage
from nearturn import Client
from nearturn.v1 import (
    demand_service_pb2,
    item_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from server.api.registration import services
from tests.contract.messages import (
    activation,
    demand,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.scenarios.server_process import ServerProcess, now_us

pytestmark = pytest.mark.e2e

_DAY_US = 86_400_000_000
# A place whose digits no port, duration or instant has by chance.
_PLACE = LatLng(latitude=48.137154321, longitude=11.576124987)
# With what stands before the point: six digits alone are in some time or sum by chance.
_DIGITS = ("48.13715", "11.57612", "97.1234567")
_WORDS = ("secret-order", "secret-customer", "secret-return", "secret-demand", "Bearer")
_SUBMIT = "nearturn.v1.ReturnService.SubmitReturn"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server that tells all it can, and give it work of every kind."""
    folder = tmp_path_factory.mktemp("server")
    options = ("--metrics-listen", "127.0.0.1:0", "--log-level", "debug")
    with ServerProcess(folder, "--no-timers", *options) as started:
        _work(started.address)
        yield started


def _work(address: str) -> None:
    with Client(address) as client:
        created = client.policies.CreatePolicy(
            policy_service_pb2.CreatePolicyRequest(policy=policy())
        )
        client.policies.ActivatePolicy(activation(created.policy.version))
        ends = timestamp(now_us() + 2 * _DAY_US)
        wanted = demand("secret-demand-1", location=_PLACE, ship_by_time=ends)
        client.demands.UpsertDemand(
            demand_service_pb2.UpsertDemandRequest(demand=wanted)
        )
        fragile = item_pb2.ItemAttributes(fragile=item_pb2.FACT_YES)
        for item in (_item(1), _item(2), _item(3, attributes=fragile)):
            client.returns.SubmitReturn(
                return_service_pb2.SubmitReturnRequest(return_item=item)
            )
        client.matches.RunRound(match_service_pb2.RunRoundRequest())
        _refused(client, _item(4, location=LatLng(latitude=97.1234567)))


def _item(number: int, **fields: Any) -> Any:
    return return_item(
        f"secret-return-{number}",
        **{
            "order_id": f"secret-order-{number}",
            "customer_id": f"secret-customer-{number}",
            "location": _PLACE,
            "verification": verification(verify_time=timestamp(now_us() - 60_000_000)),
            "decide_by_time": timestamp(now_us() + _DAY_US),
            **fields,
        },
    )


def _refused(client: Client, item: Any) -> None:
    request = return_service_pb2.SubmitReturnRequest(return_item=item)
    secret = (("authorization", "Bearer secret-token"),)
    with pytest.raises(grpc.RpcError) as refused:
        client.returns.SubmitReturn(request, metadata=secret)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def _metrics_port(server: ServerProcess) -> int:
    logged = server.logged().splitlines()
    lines = [json.loads(line) for line in logged if line.startswith("{")]
    (port,) = {line["port"] for line in lines if line["event"] == "metrics"}
    return int(port)


def _scraped(server: ServerProcess) -> str:
    url = f"http://127.0.0.1:{_metrics_port(server)}/metrics"
    with urllib.request.urlopen(url) as answer:
        return str(answer.read(), "utf-8")


def _samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape_counts_what_was_done(server: ServerProcess) -> None:
    """
    Four calls of one method, one refused; three returns: fragile, matched, waiting.

    The first two wait until the round, so they are decided twice, but for the one
    whose reasons stay as they were.
    """
    samples = _samples(_scraped(server))

    def value(name: str, **labels: str) -> float:
        return samples[f"nearturn_{name}", frozenset(labels.items())]

    calls = "rpc_duration_seconds_count"
    assert value(calls, method=_SUBMIT, code="OK") == 3
    assert value(calls, method=_SUBMIT, code="INVALID_ARGUMENT") == 1
    assert value("decisions_total", outcome="MATCHED") == 1
    assert value("decisions_total", outcome="WAREHOUSE") == 1
    fragile = {"outcome": "WAREHOUSE", "reason": "ITEM_FRAGILE"}
    assert value("decision_reasons_total", **fragile) == 1
    assert value("unexplained_decisions_total") == 0
    assert value("waiting_returns") == 1
    assert value("holds") == 1
    assert value("open_demands") == 1
    assert value("policies_in_force") == 1
    assert value("round_matches_total") == 1
    assert value("round_candidates_total") == 2
    assert value("round_duration_seconds_count") == 1
    for stage in Stage:
        count = value("round_stage_duration_seconds_count", stage=stage.value)
        assert count == 1, stage
    assert value("last_round_gap_micros") == 0
    assert value("serving") == value("store_reachable") == value("lease_epoch") == 1
    assert value("store_bytes") > 100_000
    # Policy twice, demand, three returns, and both halves of the round.
    assert value("commit_group_size_sum") == 8
    assert value("queue_wait_seconds_count") >= 8


def test_labels_have_no_other_values_than_those_of_the_program(
    server: ServerProcess,
) -> None:
    """Whatever callers send: methods, names of our enumerations, and our tenants."""
    allowed = {
        "method": {m.full_name for service in services() for m in service.methods},
        "code": {code.name for code in grpc.StatusCode},
        "outcome": {each.name for each in Outcome},
        "reason": {each.name for each in ReasonCode},
        "stage": {each.value for each in Stage},
        "tenant": {"default"},
    }
    for name, labels in _samples(_scraped(server)):
        if name.startswith("nearturn_"):
            for label, value in labels:
                assert label in (*allowed, "le", "version"), name
                assert value in allowed.get(label, {value}), name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_promtool_takes_the_scrape(server: ServerProcess) -> None:
    """Prometheus' own linter of names, units and help texts has nothing to say."""
    command = ("promtool", "check", "metrics")
    found = subprocess.run(
        command, input=_scraped(server), text=True, capture_output=True, check=False
    )
    ours = [line for line in found.stdout.splitlines() if "nearturn_" in line]
    ours += [line for line in found.stderr.splitlines() if "nearturn_" in line]
    assert ours == []


def test_nobody_is_in_metrics_or_logs(server: ServerProcess) -> None:
    """
    At level debug, after matches and refusals: no place, person, id or credential.

    The refused return has a latitude of its own, which the answer names and the log
    does not.
    """
    log, scrape = server.logged(), _scraped(server)
    assert f'"method": "{_SUBMIT}"' in log
    assert '"code": "INVALID_ARGUMENT"' in log
    for text in (*_DIGITS, *_WORDS):
        assert text not in log, text
        assert text not in scrape, text
    assert not re.search(r"latitude|longitude|customer", log + scrape)


def test_the_log_leads_to_decisions_by_their_ids(server: ServerProcess) -> None:
    """Each decision has a line at debug with its reasons, the round one at info."""
    logged = server.logged().splitlines()
    lines = [json.loads(line) for line in logged if line.startswith("{")]
    decided = [line for line in lines if line["event"] == "decided"]
    ids = [line["decision_id"] for line in decided]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids) >= 4
    (fragile,) = [line for line in decided if "ITEM_FRAGILE" in line["reasons"]]
    assert (fragile["outcome"], fragile["level"]) == ("WAREHOUSE", "debug")
    (stored,) = [line for line in lines if line["event"] == "round_stored"]
    assert (stored["matched_count"], stored["gap_micros"]) == (1, 0)
    (matched,) = [line for line in decided if line["outcome"] == "MATCHED"]
    assert matched["round_id"] == stored["round_id"]


def test_top_says_the_same(server: ServerProcess) -> None:
    """`nearturn top --once` prints what the server has done, for scripts too."""
    command = (sys.executable, "-c", "from server.cli import main; main()", "top")
    url = f"http://127.0.0.1:{_metrics_port(server)}"
    done = subprocess.run(
        (*command, "--once", "--metrics", url),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert any("SERVING" in line and "leases 1 of 1" in line for line in lines)
    for row in ("returns waiting 1", "units held 1", "without a reason 0"):
        assert row in lines, done.stdout
    (matched,) = [line for line in lines if line.startswith("MATCHED ")]
    assert matched.endswith(" /s, 1 in all")


def test_doctor_finds_the_server_at_work(server: ServerProcess) -> None:
    """Beside a server: its store can be read, says who has it, and its port serves."""
    command = (sys.executable, "-c", "from server.cli import main; main()", "doctor")
    flags = ("--insecure", "--listen", server.address, "--store-url", server.store_url)
    done = subprocess.run(
        (*command, *flags), capture_output=True, text=True, check=True
    )
    assert f"a server is on {server.address} and SERVING" in done.stdout
    assert f":{server.pid}:" in done.stdout, done.stdout
