"""Events into a stream of NATS JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import Header

from matcher.domain.ids import ReturnId, TenantId
from server.events.cloud_event import CONTENT_TYPE, token
from server.events.event import Event
from server.events.event_sink import SinkError
from server.events.nats_stream import SUBJECTS, ensure_stream

_CONNECT_S = 5
# Longer than a cluster takes to choose another leader.
_ACKNOWLEDGE_S = 5.0
# The client waits without an end for a broker that stands still and reads nothing.
_GROUP_S = 2 * _ACKNOWLEDGE_S
_CLOSE_S = 1.0


@dataclass(frozen=True, slots=True)
class NatsParams:
    """
    Where the broker is.

    Parameters
    ----------
    urls
        Servers of one cluster; ``tls://`` for an encrypted connection.
    credentials
        A file of credentials, or ``None``.
    stream
        Name of the stream.
    """

    urls: tuple[str, ...]
    credentials: Path | None
    stream: str


class NatsSink:
    """
    One connection, made when there is something to publish, dropped when it fails.

    Implements :class:`server.events.event_sink.EventSink`. The client does not connect
    again by itself: it would send what it has buffered after we have given up on it.

    Parameters
    ----------
    params
        Where the broker is.
    """

    def __init__(self, params: NatsParams) -> None:
        self._params = params
        self._connecting = asyncio.Lock()
        self._client: Client | None = None
        self._context: JetStreamContext | None = None
        self._noted = "nothing else is known"

    @property
    def name(self) -> str:
        """Name of the sink: the stream, wherever its servers are."""
        return f"nats/{self._params.stream}"

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events; those of one return item wait for one another."""
        try:
            context = await self._connected()
            for group in in_order(events):
                async with asyncio.timeout(_GROUP_S):
                    await self._publish(context, group)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            await self.close()
            raise SinkError(f"{_said(error)} ({self._noted})") from error
        except SinkError:
            await self.close()
            raise

    async def close(self) -> None:
        """Drop the connection, if there is one."""
        client, self._client, self._context = self._client, None, None
        if client is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await client.close()

    async def _connected(self) -> JetStreamContext:
        async with self._connecting:
            if self._context is None:
                # Kept from the first: closing lets go of one that came half way too.
                self._client = client = Client()
                credentials = self._params.credentials
                await client.connect(
                    list(self._params.urls),
                    name="nearturn",
                    # Each server twice at most: the pause between tries is ours.
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=_CONNECT_S,
                    user_credentials=None if credentials is None else str(credentials),
                    error_cb=self._note,
                )
                context = client.jetstream(timeout=_ACKNOWLEDGE_S)
                await ensure_stream(context, self._params.stream)
                self._context = context
            return self._context

    async def _note(self, error: Exception) -> None:
        # "No servers available" is all that the client raises; this is why.
        self._noted = _said(error)

    async def _publish(self, context: JetStreamContext, group: Iterable[Event]) -> None:
        sent = (
            context.publish(
                subject_of(event.tenant),
                event.body,
                stream=self._params.stream,
                headers={Header.MSG_ID: event.event_id, "Content-Type": CONTENT_TYPE},
            )
            for event in group
        )
        # All are waited for: none may reach the broker after we have gone on.
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, asyncio.CancelledError):
                # The client's doing, not ours: it was closed meanwhile.
                raise SinkError("the connection was closed")
            if isinstance(answer, BaseException):
                raise answer


def subject_of(tenant: TenantId) -> str:
    """Return the subject of a tenant's decisions, whatever its id is made of."""
    return SUBJECTS.replace("*", token(tenant))


def in_order(events: Sequence[Event]) -> Iterator[list[Event]]:
    """
    Split events into groups that may be sent without waiting in between.

    A group has one event of a return item at most, and all groups together have the
    events in their order.
    """
    group: list[Event] = []
    inside: set[ReturnId] = set()
    for event in events:
        if event.return_id in inside:
            yield group
            group, inside = [], set()
        group.append(event)
        inside.add(event.return_id)
    if group:
        yield group


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
