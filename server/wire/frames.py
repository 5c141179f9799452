"""What the server and its wire process say to each other."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

#: What came beside a request, or goes beside an answer: names and values, which are
#: text or bytes. The library tells these apart, and has no type for either of them.
Metadata: TypeAlias = tuple[tuple[str, Any], ...]


class Frame(msgspec.Struct, array_like=True, gc=False):
    """One thing said; those of a call have its number."""


class Refusal(Frame):
    """How a call ends that is not carried out: a status of gRPC and its details."""

    code: int
    details: str
    trailers: Metadata


class Route(Frame):
    """A method that is served, and which of its sides are streams."""

    path: str
    has_request_stream: bool
    has_answer_stream: bool


class Tls(Frame):
    """Paths of certificates, all in PEM; ``client_ca`` is empty for none."""

    certificate: str
    key: str
    client_ca: str


class Open(Frame, tag=0):
    """
    To the wire, first of all: open the port, and one for health if that has its own.

    ``waiting_max`` calls that the server has not begun may be under way;
    ``too_many`` is what any other is told.
    """

    listen: str
    health_listen: str
    tls: Tls | None
    routes: tuple[Route, ...]
    message_bytes_max: int
    pending_calls_max: int
    waiting_max: int
    too_many: Refusal


class Close(Frame, tag=1):
    """To the wire: take no more calls, give those under way a time, and end."""

    grace_s: float


class Opened(Frame, tag=2):
    """From the wire: the ports are open; the number is that of the one for calls."""

    port: int


class NotOpened(Frame, tag=3):
    """From the wire: a port cannot be opened, and which setting is the reason."""

    field: str
    value: str
    accepted: str


class Closed(Frame, tag=4):
    """From the wire: no call is under way any more."""


class Call(Frame, tag=5):
    """
    From the wire: a call.

    ``until_ns`` is when its caller goes, on the machine's monotonic clock;
    ``request`` is ``None`` where requests are a stream.
    """

    number: int
    path: str
    metadata: Metadata
    peer: dict[str, tuple[bytes, ...]]
    until_ns: int | None
    request: bytes | None


class Cancel(Frame, tag=6):
    """From the wire: the caller of a call has gone."""

    number: int


class Begun(Frame, tag=7):
    """To the wire: so many more calls do not wait any longer."""

    count: int


class Message(Frame, tag=8):
    """A message of a stream, either way."""

    number: int
    body: bytes


class End(Frame, tag=9):
    """From the wire: the stream of requests is over."""

    number: int


class Taken(Frame, tag=10):
    """Either way: so much of a stream has been taken, and as much may follow."""

    number: int
    cost: int


class Answer(Frame, tag=11):
    """To the wire: a call ended well; ``body`` is ``None`` after a stream of them."""

    number: int
    body: bytes | None


class Refused(Frame, tag=12):
    """To the wire: a call ended with a status."""

    number: int
    refusal: Refusal


#: What the wire is told, and what it tells.
ToWire: TypeAlias = Open | Close | Begun | Message | Taken | Answer | Refused
FromWire: TypeAlias = (
    Opened | NotOpened | Closed | Call | Cancel | Message | End | Taken
)
