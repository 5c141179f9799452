"""Timestamps and durations as microseconds, and back."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from matcher.domain.errors import InvalidValueError

_SECOND_US = 1_000_000
_NANOS_MAX = 999_999_999

# Years 1 to 9999, and spans of about 10,000 years, as the two types define.
_TIMES = (-62_135_596_800, 253_402_300_799)
_SPANS = (-315_576_000_000, 315_576_000_000)


def to_us(message: Message, field: str) -> int:
    """
    Return a timestamp or duration field in microseconds; 0 if it is unset.

    Nanoseconds below one microsecond are cut off.

    Raises
    ------
    InvalidValueError
        If it is no valid timestamp or duration.
    """
    time = getattr(message, field)
    low, high = _TIMES if isinstance(time, Timestamp) else _SPANS
    nanos_low = 0 if isinstance(time, Timestamp) or time.seconds > 0 else -_NANOS_MAX
    nanos_high = _NANOS_MAX if time.seconds >= 0 or isinstance(time, Timestamp) else 0
    if not (low <= time.seconds <= high and nanos_low <= time.nanos <= nanos_high):
        raise InvalidValueError(
            field,
            f"{time.seconds} s and {time.nanos} ns",
            f"{low} to {high} s, and 0 to {_NANOS_MAX} ns",
        )
    return int(time.seconds * _SECOND_US + time.nanos // 1_000)


def optional_us(message: Message, field: str) -> int | None:
    """Return a time field of a message in microseconds, ``None`` if it is unset."""
    return to_us(message, field) if message.HasField(field) else None


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
