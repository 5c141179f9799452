"""A broker seen from outside: whether it answers, and what its stream is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from matcher.domain.errors import UnavailableError


def probe_broker(urls: tuple[str, ...], credentials: Path | None, stream: str) -> str:
    """
    Say what a broker has of a stream; nothing is made or changed.

    Raises
    ------
    UnavailableError
        If the extra is missing, the broker does not answer, or the stream would lose
        events that it has answered for.
    """
    try:
        from server.events.nats_probe import probe  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UnavailableError(
            'a broker needs the extra that is not here: pip install "nearturn[nats]"'
        ) from error
    return asyncio.run(probe(urls, credentials, stream))
