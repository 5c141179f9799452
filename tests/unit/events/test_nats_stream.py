"""Which streams may keep our events, and in which groups they are sent."""

from __future__ import annotations

from typing import Any

import pytest
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from matcher.domain.ids import ReturnId, TenantId
from server.events.event import Event
from server.events.nats_sink import in_order, subject_of
from server.events.nats_stream import SUBJECTS, stream_faults


def _config(**changes: Any) -> StreamConfig:
    sound = StreamConfig(
        subjects=[SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        no_ack=False,
    )
    return sound.evolve(**changes)


@pytest.mark.parametrize(
    "subjects",
    [
        [SUBJECTS],
        ["other", SUBJECTS],
        ["nearturn.>"],
        [">"],
        ["*.*.*"],
        ["nearturn.*.>"],
    ],
)
def test_a_stream_with_our_subjects_is_sound(subjects: list[str]) -> None:
    """Ours by name, or by any pattern that takes them in."""
    assert stream_faults(_config(subjects=subjects)) == []


@pytest.mark.parametrize(
    "subjects",
    [
        [],
        None,
        ["nearturn.*"],
        ["nearturn.brand.decisions"],
        ["nearturn.*.decisions.>"],
        ["other.>"],
    ],
)
def test_a_stream_that_misses_some_subjects_is_refused(
    subjects: list[str] | None,
) -> None:
    """Not all tenants, or something else: the fault names what is needed."""
    (fault,) = stream_faults(_config(subjects=subjects))
    assert SUBJECTS in fault


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"no_ack": True}, "no_ack"),
        ({"storage": StorageType.MEMORY}, "storage"),
        ({"retention": RetentionPolicy.INTEREST}, "retention"),
    ],
)
def test_a_stream_that_may_lose_events_is_refused(
    change: dict[str, Any], says: str
) -> None:
    """No answers, no disk, or nobody there: each is named with what it has to be."""
    (fault,) = stream_faults(_config(**change))
    assert says in fault


def _event(sequence: int, return_id: str) -> Event:
    return Event(TenantId("t"), sequence, ReturnId(return_id), f"e{sequence}", b"")


@pytest.mark.parametrize(
    ("returns", "groups"),
    [
        ("", []),
        ("a", ["a"]),
        ("abc", ["abc"]),
        ("aab", ["a", "ab"]),
        ("abab", ["ab", "ab"]),
        ("abcbd", ["abc", "bd"]),
        ("aaa", ["a", "a", "a"]),
    ],
)
def test_events_of_one_return_wait_for_one_another(
    returns: str, groups: list[str]
) -> None:
    """A letter is a return: no group has it twice, and the order stays as it is."""
    events = [_event(at, letter) for at, letter in enumerate(returns)]
    found = list(in_order(events))
    assert ["".join(each.return_id for each in group) for group in found] == groups
    assert [each for group in found for each in group] == events


def test_a_subject_has_three_parts_for_any_tenant() -> None:
    """Wildcards and dots of a tenant's id are part of its own token."""
    assert subject_of(TenantId("a.b")) == "nearturn.a%2Eb.decisions"
    assert subject_of(TenantId("*")) == "nearturn.%2A.decisions"
    assert subject_of(TenantId(">")) == "nearturn.%3E.decisions"
    assert subject_of(TenantId("a b")) == "nearturn.a%20b.decisions"
