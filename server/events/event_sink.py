"""Where events go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from server.events.event import Event


class SinkError(Exception):
    """
    Events were not taken, or nobody knows whether they were.

    Some of them may have been: whoever publishes does it again, from the first on.
    """


class EventSink(Protocol):
    """A broker, or whatever keeps events until their consumers have them."""

    @property
    def name(self) -> str:
        """
        Name of the sink, under which the store keeps how far it is.

        Another name is another sink, which gets the log from its beginning.
        """

    async def publish(self, events: Sequence[Event]) -> None:
        """
        Publish events, and return when the sink answers for every one of them.

        Those of a return item reach consumers in the order given: none is sent before
        the sink answers for the one before it.

        Raises
        ------
        SinkError
            If any of them may be missing.
        """

    async def close(self) -> None:
        """Let go of the sink; what was not answered for may be missing."""
