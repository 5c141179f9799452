"""The demo's steps, against a real server over gRPC."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from matcher.domain.policy_change import Dimension
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import Scenario, generate
from nearturn import Client, request_id
from nearturn.v1 import decision_pb2, match_service_pb2
from server.cli.demo_map import draw_map
from server.cli.demo_policy import demo_policy
from server.cli.demo_report import print_explanations, print_report
from server.cli.demo_result import DemoResult
from server.cli.load_run import put_in_force
from server.cli.load_scenario import load_scenario
from server.cli.server_process import running_server

# The demo lets everybody in at once, and says that this is meant.
_WIDE = (Dimension.CATEGORY, Dimension.ROLLOUT)

_CONFIRMED_OF_TEN = 8


def run_demo(out: Path, demands: int, returns: int, rounds: int, seed: int) -> None:
    """Run every step of the demo and print what came of it."""
    console = Console()
    params = ScenarioParams(demand_count=demands, return_count=returns)
    now_us = time.time_ns() // 1_000
    console.print(
        f"[bold]nearturn demo[/bold]: {demands:,} demands, {returns:,} returns, "
        f"seed {seed}"
    )
    scenario = generate(params, np.random.default_rng(seed), now_us)
    out.mkdir(parents=True, exist_ok=True)
    console.print("starting the server (the first start compiles kernels) ...")
    with (
        tempfile.TemporaryDirectory(prefix="nearturn-demo-") as folder,
        running_server(Path(folder)) as address,
        Client(address) as client,
    ):
        result = _main_job(client, scenario, rounds, console)
        print_report(console, result)
        print_explanations(console, client, result, out)
    picture = out / "matches.png"
    if draw_map(scenario, list(result.decisions.values()), picture):
        console.print(f"map of the matches: {picture}")
    else:
        console.print("no map: install nearturn[map] for one")


def _main_job(
    client: Client, scenario: Scenario, rounds: int, console: Console
) -> DemoResult:
    result = DemoResult()
    put_in_force(client, demo_policy(), _WIDE, "demo")
    started = time.perf_counter()
    result.loaded_count = load_scenario(client, scenario, console)
    result.load_s = time.perf_counter() - started
    for number in range(1, rounds + 1):
        started = time.perf_counter()
        answer = client.matches.RunRound(
            match_service_pb2.RunRoundRequest(request_id=request_id())
        )
        result.round_s += time.perf_counter() - started
        result.rounds.append(answer.round)
        console.print(
            f"round {number}: {answer.round.matched_count:,} matched, "
            f"{answer.round.waiting_count:,} wait on, certificate "
            f"{'verified' if answer.round.certificate.verified else 'REFUSED'}"
        )
        if number < rounds:
            _settle(client, result)
    _watch(client, result)
    return result


def _settle(client: Client, result: DemoResult) -> None:
    # What a brand's own systems do: confirm most matches, release some.
    _watch(client, result)
    open_matches = [
        decision.match
        for decision in result.decisions.values()
        if decision.outcome == decision_pb2.OUTCOME_MATCHED
        and decision.round_id == result.rounds[-1].round_id
    ]
    for index, match in enumerate(open_matches):
        if index % 10 < _CONFIRMED_OF_TEN:
            client.matches.ConfirmMatch(
                match_service_pb2.ConfirmMatchRequest(match_id=match.match_id)
            )
            result.confirmed_count += 1
        else:
            client.matches.ReleaseMatch(
                match_service_pb2.ReleaseMatchRequest(match_id=match.match_id)
            )
            result.released_count += 1


def _watch(client: Client, result: DemoResult) -> None:
    # The latest decision of each return, from the log.
    request = match_service_pb2.WatchDecisionsRequest(stop_at_end=True)
    for answer in client.matches.WatchDecisions(request):
        result.decisions[answer.decision.return_id] = answer.decision
