"""The policy that the demo runs under; shipped with the package."""

from __future__ import annotations

from importlib import resources

from google.protobuf.json_format import Parse

from nearturn.v1 import policy_pb2


def demo_policy() -> policy_pb2.Policy:
    """Return the policy of the demo: four categories for everybody."""
    file = resources.files("server.cli").joinpath("demo-policy.json")
    return Parse(file.read_text(encoding="utf-8"), policy_pb2.Policy())
