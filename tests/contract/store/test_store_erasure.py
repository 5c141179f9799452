"""Personal data that is erased is in no byte of what a store keeps and shows."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from matcher.domain.errors import (
    AlreadyExistsError,
    InvalidValueError,
    StateConflictError,
)
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.item import VerificationStatus
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.return_item import ReturnState
from matcher.engine.answers import ReturnAnswer
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    ErasePersonalData,
    RecordOutcome,
    RecordVerification,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.proof import unpack
from matcher.engine.round_task import solve_round
from matcher.engine.shard import Shard
from matcher.simulate.replay import replay
from server.api.convert.decision import from_decision
from server.api.convert.demand import from_demand
from server.api.convert.return_item import from_return_record
from server.runtime.shard_host import ShardHost
from server.runtime.work import Work
from server.storage import arrow_rows
from server.storage.journal_codec import CHECKPOINT, segment_rows
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from server.storage.tables import metadata
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    TENANT,
    activation,
    demand,
    policy,
    return_item,
    verification,
)
from tests.scenarios.owned import owning

SECRETS = (
    "Ada-Lovelace",
    "order-4711",
    "photo-0815",
    "photo-0816",
    "Inspector Lestrade",
    "Mrs Lovelace was out",
    "Mrs Lovelace is at peace with it",
)
# Of the one whose data goes, and of somebody else at another place.
PLACE_M, OTHER_M = 1_234.567, 2_345.678


@dataclass
class _Host:
    """A server's shards on a store, with a clock that moves by hand."""

    url: str
    now_us: int = NOW_US
    numbers: int = 0

    def __post_init__(self) -> None:
        self.store: SqlStore = open_store(self.url)
        ownership = owning(self.store, TENANT)
        self.host = ShardHost(self.store, lambda: self.now_us, ownership)
        self.host.start([TENANT])

    @property
    def is_file(self) -> bool:
        """Say whether the store is a file, all bytes of which can be read."""
        return self.url.startswith("sqlite:")

    def do(self, *commands: Command) -> list[object]:
        """Carry out commands in one group, each with a request id."""
        works = [self._work(each) for each in commands]
        return [self._value(done) for done in self.host.process(works)]

    def round(self) -> None:
        """Run a round."""

        def whole(shard: Shard, now_us: int) -> object:
            return shard.finish_round(solve_round(shard.begin_round(now_us)), now_us)

        self._value(self.host.process([Work(TENANT, whole)])[0])

    def checkpoint(self) -> None:
        """Keep the live rows as a place where a replay may start."""
        history = self.store.history(TENANT)
        history.keep(history.checkpoint(self.now_us))

    def _work(self, command: Command) -> Work:
        self.numbers += 1

        def run(shard: Shard, now_us: int) -> bytes:
            return _encoded(shard.apply(command, now_us))

        return Work(TENANT, run, f"q{self.numbers}", "hash", command)

    def _value(self, done: object) -> object:
        if done.error is not None:
            raise done.error
        return done.value


def _encoded(answer: object) -> bytes:
    # As the API answers.
    if isinstance(answer, ReturnAnswer):
        answer = (answer,)
    if not isinstance(answer, tuple):
        return b""
    parts = []
    for each in answer:
        if isinstance(each, ReturnAnswer):
            parts += [from_return_record(each.record), from_decision(each.decision)]
        else:
            parts.append(from_demand(each))
    return b"".join(part.SerializeToString() for part in parts)


@pytest.fixture(name="host")
def _host(store_url: str) -> Iterator[_Host]:
    made = _Host(store_url)
    yield made
    made.store.close()


def _item(return_id: str, east_m: float, customer: str, order: str, evidence: str):
    return return_item(
        return_id,
        east_m,
        customer_id=customer,
        order_id=order,
        verification=verification(
            status=VerificationStatus.PENDING,
            evidence_id=evidence,
            source="Inspector Lestrade" if return_id == "r1" else "grader",
        ),
    )


def _live(host: _Host) -> None:
    # A life of two customers and two buyers; r1 is inspected twice, matched, confirmed
    # and heard of twice, r2 cancelled. Checkpoints before, amid and after.
    one = _item("r1", PLACE_M, "Ada-Lovelace", "order-4711", "photo-0815")
    two = _item("r2", OTHER_M, "somebody", "order-4712", "photo-0900")
    host.do(CreatePolicy(policy()), activation(1))
    host.do(UpsertDemands((demand("d1", PLACE_M), demand("d2", OTHER_M)), ("", "")))
    host.do(SubmitReturns((one, two), ("h1", "h2")))
    host.checkpoint()
    passed = replace(one.verification, status=VerificationStatus.PASSED)
    host.do(
        RecordVerification(ReturnId("r1"), replace(passed, evidence_id="photo-0816"))
    )
    host.checkpoint()
    host.round()
    host.do(ConfirmMatch(MatchId("m-000000000001")))
    unhappy = BuyerResponse.COMPLAINED
    said = ItemOutcome(host.now_us, Arrival.ARRIVED, response=unhappy)
    told = replace(said, note="Mrs Lovelace was out")
    host.do(RecordOutcome(told, ReturnId("r1")))
    told = replace(said, note="Mrs Lovelace is at peace with it")
    host.do(RecordOutcome(told, match_id=MatchId("m-000000000001")))
    host.do(CancelReturn(ReturnId("r2")), CancelDemand(DemandId("d2")))
    # Known rows of what is settled, in a command that does something else.
    three = _item("r3", 0.0, "third", "order-1", "photo-0901")
    host.do(SubmitReturns((one, three), ("h1", "h3")))
    host.do(CancelReturn(ReturnId("r3")))


def _texts(host: _Host) -> str:
    # All that is packed: compressed bytes hide what they hold.
    rows = []
    with host.store._database.reading("look") as connection:
        for query, unpack in (
            ("SELECT segment FROM journal", segment_rows),
            ("SELECT rows FROM checkpoints", partial(arrow_rows.unpack, CHECKPOINT)),
        ):
            found = connection.exec_driver_sql(query)
            for data in found.scalars():
                rows += [str(row) for row in unpack(data)]
    return "\n".join(rows)


def _bytes(host: _Host) -> bytes:
    # Of a file every byte; of a server every row that it can still show to anybody.
    if host.is_file:
        path = Path(host.url.removeprefix("sqlite:///"))
        files = sorted(path.parent.glob(f"{path.name}*"))
        return b"".join(each.read_bytes() for each in files)
    with host.store._database.snapshot("look") as connection:
        values = [
            value
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
            for value in row
        ]
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in values
    )


def _place_forms(east_m: float) -> list[bytes]:
    lng = return_item("r", east_m).location.lng
    return [struct.pack("<d", lng), repr(lng).encode()]


ERASE = ErasePersonalData((ReturnId("r1"),), (DemandId("d1"),), "ticket 7")


def test_nothing_personal_is_left(host: _Host) -> None:
    """Neither in the bytes of file and log, or rows, nor in what is packed (R33)."""
    _live(host)
    before = _bytes(host)
    # What was replaced is in old bytes of a file, and else in packed ones alone.
    found = before if host.is_file else before + _texts(host).encode()
    assert all(each.encode() in found for each in SECRETS)
    assert all(each in before for each in _place_forms(PLACE_M))
    assert all(each in _texts(host) for each in SECRETS)
    host.do(ERASE)
    packed = _texts(host)
    assert [each for each in SECRETS if each in packed] == []
    assert repr(return_item("r", PLACE_M).location.lng) not in packed
    left = _bytes(host)
    assert [each for each in SECRETS if each.encode() in left] == []
    assert [each for each in _place_forms(PLACE_M) if each in left] == []
    # Of the others, all is there.
    assert all(each in left for each in _place_forms(OTHER_M))
    assert b"photo-0900" in left
    assert "photo-0900" in packed


def test_what_is_left_still_explains_and_proves(host: _Host) -> None:
    """Decisions, reasons and the round's proof stay; only names are gone (R38)."""
    _live(host)
    before = host.store.decisions_of(TENANT, ReturnId("r1"))
    host.do(ERASE)
    after = host.store.decisions_of(TENANT, ReturnId("r1"))
    assert [each.reasons for each in after] == [each.reasons for each in before]
    assert [[c.name for c in each.checks] for each in after] == [
        [c.name for c in each.checks] for each in before
    ]
    assert not any(check.evidence_id for each in after for check in each.checks)
    round_record = host.store.round(TENANT, after[-1].round_id)
    assert round_record is not None
    proof = unpack(round_record.proof)
    proof.check()
    assert proof.pairs == [("r1", "d1")]
    record = host.store.return_item(TENANT, ReturnId("r1"))
    assert record is not None
    assert record.state is ReturnState.COMPLETED
    assert record.outcome_record is not None
    assert record.outcome_record.outcome.response is BuyerResponse.COMPLAINED
    assert (record.item.customer_id, record.item.sku) == ("erased", "shirt")
    assert record.erased_us == host.now_us
    (event,) = host.store.list_program_events(TENANT, after_number=1, limit=9)
    assert event.note == "1 return items, 1 demands: ticket 7"


def test_only_answers_that_tell_are_gone(host: _Host) -> None:
    """An answer about somebody else is given again; one that names them is not."""
    _live(host)
    kept = {n: host.store.answer(TENANT, f"q{n}") for n in range(1, host.numbers + 1)}
    telling = {
        n for n, a in kept.items() if a and (b"r1" in a.answer or b"d1" in a.answer)
    }
    host.do(ERASE)
    gone = {n for n in kept if host.store.answer(TENANT, f"q{n}") is None}
    assert gone == telling
    assert 0 < len(gone) < len(kept)


def test_a_group_that_settles_and_erases_leaves_nothing(host: _Host) -> None:
    """What the very same transaction writes about them is cleared as well."""
    host.do(CreatePolicy(policy()), activation(1))
    one = _item("r1", PLACE_M, "Ada-Lovelace", "order-4711", "photo-0815")
    host.do(
        UpsertDemands((demand("d1", PLACE_M),), ("",)),
        SubmitReturns((one,), ("h1",)),
        CancelReturn(ReturnId("r1")),
        CancelDemand(DemandId("d1")),
        ERASE,
    )
    left = _bytes(host) + _texts(host).encode()
    assert [each for each in SECRETS if each.encode() in left] == []
    assert [each for each in _place_forms(PLACE_M) if each in left] == []


def test_a_checkpoint_from_before_is_not_kept(host: _Host) -> None:
    """Made while the item lived, kept after its erasure: it would bring it all back."""
    host.do(CreatePolicy(policy()), activation(1))
    one = _item("r1", PLACE_M, "Ada-Lovelace", "order-4711", "photo-0815")
    host.do(SubmitReturns((one,), ("h1",)))
    history = host.store.history(TENANT)
    made = history.checkpoint(host.now_us)
    assert made.rows.returns
    host.do(CancelReturn(ReturnId("r1")))
    host.do(ErasePersonalData((ReturnId("r1"),)))
    known = history.checkpoints()
    history.keep(made)
    assert history.checkpoints() == known
    assert "Ada-Lovelace" not in _texts(host)
    history.keep(history.checkpoint(host.now_us))
    assert len(history.checkpoints()) == len(known) + 1


def test_thousands_leave_nothing_either(host: _Host) -> None:
    """Pages that were split, moved and freed hold no old copy."""
    host.do(CreatePolicy(policy()), activation(1))
    items = [
        _item(
            f"r{n:05}", n, f"customer-no-{n:05}", f"order-no-{n:05}", f"photo-no-{n:05}"
        )
        for n in range(2_000)
    ]
    # In an order that splits pages in their middle.
    for first in range(7):
        some = tuple(items[first::7])
        host.do(SubmitReturns(some, ("h",) * len(some)))
        host.do(*(CancelReturn(item.return_id) for item in some))
    gone = tuple(item.return_id for item in items[::2])
    host.do(ErasePersonalData(gone))
    left = _bytes(host) + _texts(host).encode()
    found = {int(n) for n in re.findall(rb"(?:customer|order|photo)-no-(\d{5})", left)}
    assert found == set(range(1, 2_000, 2))


def test_a_replay_says_what_it_cannot(host: _Host) -> None:
    """From before the rows were final it is refused; later on it is exact."""
    _live(host)
    host.now_us += HOUR_US
    host.checkpoint()
    host.now_us += HOUR_US
    again = return_item("r1", PLACE_M, customer_id="Ada-Lovelace")
    host.do(ERASE)
    host.do(SubmitReturns((return_item("r9"),), ("h9",)))
    history = host.store.history(TENANT)
    with pytest.raises(StateConflictError, match="without the personal data"):
        history.start(NOW_US)
    start = history.start(host.now_us)
    assert start.at_us == NOW_US + HOUR_US
    entries = list(history.entries(start.entry_count, host.now_us + DAY_US))
    lived = list(replay(TENANT, start, entries))
    assert [each.journal[-1] for each in lived] == entries
    assert lived[0].returns[ReturnId("r1")] == host.store.return_item(
        TENANT, ReturnId("r1")
    )
    with pytest.raises(AlreadyExistsError):
        host.do(SubmitReturns((again,), ("h1",)))


def test_a_note_on_what_is_erased_is_refused(host: _Host) -> None:
    """Nothing would erase it any more; the outcome itself is taken."""
    _live(host)
    host.do(ERASE)
    said = ItemOutcome(host.now_us, Arrival.ARRIVED, response=BuyerResponse.SATISFIED)
    with pytest.raises(InvalidValueError, match=r"outcome\.note.*is erased"):
        host.do(RecordOutcome(replace(said, note="Ada called"), ReturnId("r1")))
    host.do(RecordOutcome(said, ReturnId("r1")))
    record = host.store.return_item(TENANT, ReturnId("r1"))
    assert record is not None
    assert record.outcome_record is not None
    assert record.outcome_record.outcome == said


def test_what_lives_is_refused(host: _Host) -> None:
    """A waiting item keeps its data until it is settled; nothing of the rest goes."""
    host.do(CreatePolicy(policy()), activation(1))
    host.do(UpsertDemands((demand("d1", PLACE_M),), ("",)))
    host.do(SubmitReturns((return_item("r1"), return_item("r2")), ("h", "h")))
    host.do(CancelReturn(ReturnId("r2")))
    for command in (
        ErasePersonalData((ReturnId("r2"), ReturnId("r1"))),
        ErasePersonalData((), (DemandId("d1"),)),
    ):
        with pytest.raises(StateConflictError, match="erasing personal data"):
            host.do(command)
    record = host.store.return_item(TENANT, ReturnId("r2"))
    assert record is not None
    assert record.item.customer_id == "customer-of-r2"


def test_twice_is_no_error(host: _Host) -> None:
    """The second time nothing is left to erase, and nothing is written."""
    _live(host)
    host.do(ERASE)
    events = host.store.list_program_events(TENANT, after_number=0, limit=9)
    host.do(ERASE)
    assert host.store.list_program_events(TENANT, after_number=0, limit=9) == events


def test_the_returns_of_a_customer(host: _Host) -> None:
    """By the whole id, whatever characters it has, in order, and of one tenant."""
    names = ('q"uote', "q", "Zoë", 'x","customer_id":"q')
    items = [
        replace(return_item(f"r{n}{k}"), customer_id=name)
        for n, name in enumerate(names)
        for k in range(2)
    ]
    host.do(SubmitReturns(tuple(items), ("h",) * len(items)))
    find: Callable[..., list[ReturnId]] = host.store.returns_of_customer
    for n, name in enumerate(names):
        assert find(TENANT, name, limit=9) == [f"r{n}0", f"r{n}1"]
    assert find(TENANT, "q", limit=1) == ["r10"]
    assert find("other", "q", limit=9) == []
