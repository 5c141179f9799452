"""What the API tells whoever measures calls; it knows nobody who does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

#: What a caller sent beside the request.
Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]


class Ongoing(Protocol):
    """A call on its way."""

    def ended(self, code: str) -> None:
        """Take note of its end; ``code`` is the name of the status."""


class CallWatch(Protocol):
    """
    Is told of calls, on the event loop.

    Whatever it does is quick and raises nothing.
    """

    def began(self, method: str, metadata: Metadata) -> Ongoing:
        """
        Take note of a call that has reached its handler.

        Parameters
        ----------
        method
            Full name of the method.
        metadata
            What came with it.
        """


class UnwatchedCall:
    """A call that nobody watches."""

    def ended(self, code: str) -> None:
        """Do nothing."""


class UnwatchedCalls:
    """A watch that looks away."""

    def began(self, method: str, metadata: Metadata) -> Ongoing:  # noqa: ARG002
        """Give a call that nobody watches."""
        return UnwatchedCall()
