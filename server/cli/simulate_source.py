"""Where `nearturn simulate` has its events from: a server, or tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
import numpy as np

from matcher.domain.errors import InvalidValueError, UnavailableError
from matcher.engine.plan import DEFAULT_TENANT
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.study import Variant
from matcher.simulate.whatif.unfolding import at_once, over_days
from nearturn.v1 import policy_pb2
from nearturn.v1 import simulation_pb2 as pb
from server.api.context import within
from server.api.convert.policy import to_policy
from server.api.convert.times import to_timestamp
from server.api.policy_sweep import swept
from server.api.simulation import GROUP_COUNT, ZONE_RESOLUTION
from server.api.simulation_telling import Terms, Trial, tell
from server.cli.connection import connect
from server.cli.inputs import read_policy_message
from server.cli.snapshot import read_tables

Handle = Callable[[pb.SimulatePolicyResponse], None]

#: A field and its values, in JSON.
Sweep = tuple[str, list[str]]

#: What --by takes.
KINDS = {
    "category": pb.GROUP_KIND_CATEGORY,
    "sku": pb.GROUP_KIND_SKU,
    "zone": pb.GROUP_KIND_ZONE,
    "day": pb.GROUP_KIND_DAY,
}

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)\.\.(\d+)")
_VALUES_MAX = 400
_DAY_US = 86_400_000_000


def read_sweeps(texts: Sequence[str]) -> list[Sweep]:
    """
    Read what is to be varied.

    Raises
    ------
    InvalidValueError
        If one has no path or no value, a range has no end, or there are more than two.
    """
    if len(texts) > 2:
        raise InvalidValueError("vary", f"{len(texts)} fields", "at most two")
    return [_sweep(text) for text in texts]


def _sweep(text: str) -> Sweep:
    path, _, values = text.partition("=")
    if not path or not values:
        raise InvalidValueError("vary", text, "PATH=VALUE,VALUE or PATH=FROM..TO..STEP")
    found = _RANGE.fullmatch(values)
    if found is None:
        return path, [_quoted(value) for value in values.split(",")]
    first, last, step = (int(part) for part in found.groups())
    count = (last - first) // step + 1 if step else 0
    if not 1 <= count <= _VALUES_MAX:
        accepted = f"a range that rises, of 1 to {_VALUES_MAX} values"
        raise InvalidValueError("vary", text, accepted)
    return path, [str(first + at * step) for at in range(count)]


def _quoted(value: str) -> str:
    # Words need no quotes on a command line; numbers and truth values are none.
    is_word = re.fullmatch(r"[A-Za-z_][\w.]*|\d+(\.\d+)?s", value)
    return f'"{value}"' if is_word and value not in ("true", "false", "null") else value


def events_of_server(
    target: str,
    period_us: tuple[int, int | None],
    policies: Sequence[Path],
    sweeps: Sequence[Sweep],
    handle: Handle,
) -> None:
    """
    Have a server live its history again.

    Raises
    ------
    UnavailableError
        If it cannot be reached, or refuses: with what it says.
    """
    from_us, until_us = period_us
    period = pb.RecordedPeriod(start_time=to_timestamp(from_us))
    if until_us is not None:
        period.end_time.CopyFrom(to_timestamp(until_us))
    request = pb.SimulatePolicyRequest(
        recorded=period,
        variants=[
            pb.PolicyVariant(name=path.stem, policy=read_policy_message(path))
            for path in policies
        ],
        sweeps=[pb.FieldSweep(path=path, values=values) for path, values in sweeps],
        with_differences=True,
        with_rounds=True,
    )
    with connect(target) as client:
        try:
            for event in client.policies.SimulatePolicy(request):
                handle(event)
        except grpc.RpcError as error:
            raise UnavailableError(
                f"{target}: {error.code().name}: {error.details()}"
            ) from error


def events_of_tables(
    tables: tuple[Path, Path, Path | None],
    mappings: Sequence[Path],
    policies: Sequence[Path],
    sweeps: Sequence[Sweep],
    *,
    now_us: int,
    days: float,
    threads: int,
    handle: Handle,
) -> None:
    """Live tables: all at once and one round, or spread over days, evenly."""
    messages = [read_policy_message(path) for path in policies]
    trial = _trial(policies, messages, sweeps)
    snapshot = read_tables(*tables, mappings, skip_bad_rows=False)
    policy = trial.variants[0].policy
    if days:
        timeline = over_days(
            snapshot,
            policy,
            np.random.default_rng(0),
            now_us=now_us,
            span_us=int(days * _DAY_US),
            round_us=_DAY_US // 4,
        )
    else:
        timeline = at_once(snapshot, policy, now_us=now_us)
    terms = Terms(
        threads,
        ZONE_RESOLUTION,
        GROUP_COUNT,
        with_differences=True,
        with_rounds=True,
    )
    tell(_Direct(handle), Facts(DEFAULT_TENANT, timeline), trial, terms)


def _trial(
    paths: Sequence[Path],
    messages: Sequence[policy_pb2.Policy],
    sweeps: Sequence[Sweep],
) -> Trial:
    variants = [
        Variant(path.stem, within(path.name, to_policy, message))
        for path, message in zip(paths, messages, strict=True)
    ]
    values: dict[str, dict[str, str]] = {}
    for at, policy in swept(messages[0], sweeps) if sweeps else ():
        name = ", ".join(f"{path}={value}" for path, value in at.items())
        values[name] = at
        variants.append(Variant(name, policy))
    return Trial(tuple(variants), values)


class _Direct:
    # An outlet whose reader is at its end.
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def emit(self, item: pb.SimulatePolicyResponse) -> None:
        self._handle(item)

    def pause(self) -> None:
        pass
