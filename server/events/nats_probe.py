"""NATS JetStream asked what it has of a stream."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from matcher.domain.errors import UnavailableError
from server.events.nats_stream import stream_faults

_ANSWER_S = 5


async def probe(urls: tuple[str, ...], credentials: Path | None, stream: str) -> str:
    """
    Say what a broker has of a stream.

    Raises
    ------
    UnavailableError
        If it does not answer, or the stream would lose events.
    """
    client = Client()
    noted: list[str] = []

    async def note(error: Exception) -> None:
        noted.append(str(error))

    try:
        await client.connect(
            list(urls),
            name="nearturn doctor",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=_ANSWER_S,
            user_credentials=None if credentials is None else str(credentials),
            error_cb=note,
        )
        info = await client.jetstream(timeout=_ANSWER_S).stream_info(stream)
    except NotFoundError:
        return f"it answers; there is no stream {stream} yet, which the server makes"
    except (OSError, TimeoutError, nats.errors.Error) as error:
        why = noted[-1] if noted else str(error)
        raise UnavailableError(f"it does not answer: {why}") from error
    finally:
        with suppress(TimeoutError, nats.errors.Error):
            await client.close()
    if faults := stream_faults(info.config):
        raise UnavailableError(f"stream {stream} cannot be used: {'; '.join(faults)}")
    return f"it answers; stream {stream} has {info.state.messages:,} events"
