"""What a run of the demo gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from nearturn.v1 import decision_pb2


@dataclass(slots=True)
class DemoResult:
    """What the rounds and the watch over the decisions gave."""

    rounds: list[decision_pb2.Round] = field(default_factory=list)
    decisions: dict[str, decision_pb2.Decision] = field(default_factory=dict)
    loaded_count: int = 0
    load_s: float = 0.0
    round_s: float = 0.0
    confirmed_count: int = 0
    released_count: int = 0
