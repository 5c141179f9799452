"""How soon a server answers health checks while it closes a round."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.console import Console

from matcher.domain.policy_change import Dimension
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from nearturn import Client
from nearturn.v1 import match_service_pb2
from server.cli.demo_policy import demo_policy
from server.cli.load_run import put_in_force
from server.cli.load_scenario import load_scenario
from server.cli.server_process import running_server

_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Responsiveness:
    """One round, and the milliseconds that health checks took meanwhile."""

    return_count: int
    candidate_count: int
    round_s: float
    answered_ms: list[float]

    def percentile_ms(self, percent: float) -> float:
        """Return the milliseconds that so many per cent of the checks kept to."""
        return float(np.percentile(self.answered_ms, percent))


def responsiveness(count: int) -> Responsiveness:
    """Close one round over a scenario of ``count`` demands and as many returns."""
    params = ScenarioParams(demand_count=count, return_count=count, sku_count=300)
    now_us = time.time_ns() // 1_000
    scenario = generate(params, np.random.default_rng(count), now_us)
    with (
        tempfile.TemporaryDirectory(prefix="nearturn-bench-") as folder,
        running_server(Path(folder)) as address,
        Client(address) as client,
    ):
        # All but UNSPECIFIED, which the contract refuses.
        put_in_force(client, demo_policy(), [d for d in Dimension if d], "benchmark")
        load_scenario(client, scenario, Console(quiet=True))
        with _Poller(client) as poller:
            started = time.perf_counter()
            answer = client.matches.RunRound(match_service_pb2.RunRoundRequest())
            round_s = time.perf_counter() - started
    return Responsiveness(
        answer.round.return_count,
        answer.round.candidate_count,
        round_s,
        poller.answered_ms,
    )


class _Poller:
    """Checks health again and again on a thread of its own."""

    def __init__(self, client: Client) -> None:
        self._health = health_pb2_grpc.HealthStub(client.channel)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self.answered_ms: list[float] = []

    def __enter__(self) -> _Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._ends.wait(_PAUSE_S):
            started = time.perf_counter()
            self._health.Check(health_pb2.HealthCheckRequest())
            self.answered_ms.append((time.perf_counter() - started) * 1_000)
