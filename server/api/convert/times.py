"""Timestamps and durations as microseconds, and back."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_SECOND_US = 1_000_000


def to_us(time: Timestamp | Duration) -> int:
    """Return microseconds; nanoseconds below one are cut off."""
    return time.seconds * _SECOND_US + time.nanos // 1_000


def optional_us(message: Message, field: str) -> int | None:
    """Return a time field of a message in microseconds, ``None`` if it is unset."""
    return to_us(getattr(message, field)) if message.HasField(field) else None


def to_timestamp(instant_us: int) -> Timestamp:
    """Return an instant as a timestamp."""
    seconds, rest = divmod(instant_us, _SECOND_US)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


def optional_timestamp(instant_us: int | None) -> Timestamp | None:
    """Return an instant as a timestamp, ``None`` for none."""
    return None if instant_us is None else to_timestamp(instant_us)


def to_duration(span_us: int) -> Duration:
    """Return a span as a duration."""
    seconds, rest = divmod(span_us, _SECOND_US)
    return Duration(seconds=seconds, nanos=rest * 1_000)
