"""The stream that keeps our events on the broker: made if missing, checked if not."""

from __future__ import annotations

from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from server.events.event_sink import SinkError

#: What the subjects of all tenants look like.
SUBJECTS = "nearturn.*.decisions"

# How long the broker itself drops what is published again; its own default.
_DUPLICATE_WINDOW_S = 120.0


async def ensure_stream(context: JetStreamContext, name: str) -> None:
    """
    Make the stream if it is missing.

    One that exists is left as it is: how long and on how many servers events are kept
    is for whoever runs the broker to say.

    Raises
    ------
    SinkError
        If the stream would lose events that it has answered for.
    """
    try:
        info = await context.stream_info(name)
    except NotFoundError:
        info = await context.add_stream(_config(name))
    if faults := stream_faults(info.config):
        raise SinkError(f"stream {name} cannot be used: {'; '.join(faults)}")


def stream_faults(config: StreamConfig) -> list[str]:
    """Return why a stream may lose events by its settings, with what is needed."""
    faults = []
    if not any(map(_covers, config.subjects or ())):
        faults.append(f"subjects {config.subjects} do not cover {SUBJECTS}")
    if config.no_ack:
        faults.append("no_ack is true; it has to be false")
    if config.storage != StorageType.FILE:
        faults.append(f"storage is {config.storage}; it has to be file")
    if config.retention == RetentionPolicy.INTEREST:
        faults.append("retention is interest; it has to be limits or workqueue")
    return faults


def _config(name: str) -> StreamConfig:
    return StreamConfig(
        name=name,
        description="Decisions of nearturn as CloudEvents",
        subjects=[SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        # Where somebody sets a limit later, a full stream refuses: nothing is lost.
        discard=DiscardPolicy.NEW,
        duplicate_window=_DUPLICATE_WINDOW_S,
    )


def _covers(subject: str) -> bool:
    # Whether each subject of ours matches it.
    ours, theirs = SUBJECTS.split("."), subject.split(".")
    if theirs[-1] == ">":
        # One part at least.
        theirs = theirs[:-1] + ["*"] * max(1, len(ours) - len(theirs) + 1)
    pairs = list(zip(ours, theirs, strict=False))
    return len(ours) == len(theirs) and all(b in (a, "*") for a, b in pairs)
