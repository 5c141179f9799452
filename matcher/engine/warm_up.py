"""Compile every kernel before the first call needs it."""

from __future__ import annotations

from matcher import index, routing, solve


def warm_up() -> None:
    """Run each kernel once on next to nothing; compiled code is kept on disk."""
    index.warm_up()
    routing.warm_up()
    solve.warm_up()
    solve.warm_up_within()
