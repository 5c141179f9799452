"""
What the first calls of a process make it load and compile.

Run as a program: prints a JSON object with the modules that were imported after
everything was warm, and the kernels that were compiled.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import structlog

from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import match_limit_pb2 as limits
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from server.cli.doctor_checks import _kernels
from server.main import warm_up_all
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.contract import messages
from tests.contract.api_target import TENANT, Api, HandClock, LocalTransport


async def first_calls(folder: Path) -> None:
    """Do a little of everything, from policy to explanation."""
    runtime = Runtime(
        open_store(f"sqlite:///{folder / 'first.db'}"),
        clock=HandClock(),
        options=RuntimeOptions(tenants=(TENANT,), threads=2, runs_timers=False),
    )
    await runtime.start()
    # The store is there: what made it is no part of a call.
    seen = set(sys.modules), _compiled()
    api = Api(LocalTransport(runtime), runtime)
    for request in _requests():
        await api(request)
    await runtime.stop()
    modules = sorted(set(sys.modules) - seen[0])
    kernels = sorted(_compiled() - seen[1])
    sys.stdout.write(json.dumps({"modules": modules, "kernels": kernels}))


def _compiled() -> set[str]:
    return {
        f"{kernel.py_func.__module__}.{kernel.py_func.__name__}{signature}"
        for kernel in _kernels()
        for signature in kernel.signatures
    }


def _requests() -> list[Any]:
    limit = limits.MatchLimit(scope=limits.LIMIT_SCOPE_DAY, count_max=90)
    found: list[Any] = []
    for version, fields in enumerate(({}, {"match_limits": [limit]}), 1):
        items = [
            messages.return_item(f"r{version}-{at}", east_m=at) for at in range(60)
        ]
        wanted = [messages.demand(f"d{version}-{at}", east_m=at) for at in range(50)]
        found += [
            policies.CreatePolicyRequest(policy=messages.policy(**fields)),
            messages.activation(version),
            demands.BatchUpsertDemandsRequest(demands=wanted),
            demands.ListDemandsRequest(),
            returns.BatchSubmitReturnsRequest(return_items=items),
            matches.RunRoundRequest(),
            explain.ExplainDecisionRequest(return_id=f"r{version}-7"),
        ]
    return found


if __name__ == "__main__":
    level = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=level)
    warm_up_all()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(first_calls(Path(name)))
