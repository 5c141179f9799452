"""The stored certificate: it survives the trip, and nothing else passes for it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from matcher.domain.errors import CertificateError, InvalidProblemError
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.engine import proof as module
from matcher.engine.plan import plan
from matcher.engine.proof import Proof, pack, unpack
from matcher.engine.snapshot import Snapshot
from matcher.solve import CandidateGraph, assign
from tests.scenarios import NOW_US, demand, policy, return_item
from tests.scenarios.named import chain


@pytest.fixture(name="proof")
def _proof() -> Proof:
    """
    Two returns, two demands, three candidates.

    r1 saves 5 with d1; r2 saves 9 with d1 and 3 with d2. Best: r1 d1, r2 d2 is 8;
    r2 d1 alone is 9.
    """
    graph = CandidateGraph(
        np.array([0, 1, 3], np.int64),
        np.array([0, 0, 1], np.int32),
        np.array([5, 9, 3], np.int64),
        np.array([1, 1], np.int32),
    )
    return Proof.of(graph, assign(graph), ["r1", "r2"], ["d1", "d2"])


def _changed(proof: Proof, **changes: Any) -> Proof:
    return msgspec.structs.replace(proof, **changes)


def test_round_trip(proof: Proof) -> None:
    """Packed and unpacked it is equal, and it checks (I6)."""
    back = unpack(pack(proof))
    assert back == proof
    back.check()


def test_it_names_the_pairs(proof: Proof) -> None:
    """9 beats 5 + 3 = 8, so r2 gets d1 and r1 opts out; pairs name the matched."""
    assert proof.pairs == [("r2", "d1")]
    assert proof.value == 9


def test_same_proof_same_bytes(proof: Proof) -> None:
    """Packing is a function of the proof, so stored rounds compare by bytes (I5)."""
    assert pack(proof) == pack(unpack(pack(proof)))


def _limited() -> Proof:
    """Two items beside two buyers and one place: the farther pair saves more."""
    terms = policy(
        objective=Objective.MAX_MATCHES_THEN_DISTANCE,
        match_limits=(MatchLimit(LimitScope.DAY, 1), MatchLimit(LimitScope.ZONE, 5, 7)),
    )
    snapshot = Snapshot(
        (return_item("r1"), return_item("r2", 2_000)),
        (demand("d1", 1_000, priority=9), demand("d2", 2_000)),
    )
    return plan(snapshot, terms, now_us=NOW_US).proof


def test_weights_and_savings_are_both_proven() -> None:
    """One match, of the fewest metres, and what it saves, which is not its weight."""
    proof = unpack(pack(_limited()))
    proof.check()
    assert proof.pairs == [("r2", "d2")]
    assert proof.saving_micros == 6_000_000
    assert proof.value == proof.match_bonus
    assert next(group.name for group in proof.groups) == "DAY/2026-03-02"


def _of_groups(proof: Proof, **changes: Any) -> list[Any]:
    first, *others = proof.groups
    return [msgspec.structs.replace(first, **changes), *others]


FORGED: dict[str, Callable[[Proof], Any]] = {
    "saved": lambda p: p.saving_micros + 1,
    "weight": lambda p: [p.weight[0] + 1, *p.weight[1:]],
    "match_bonus": lambda p: p.match_bonus + 5_000,
    "groups": lambda p: _of_groups(p, limit=2),
    "row_group": lambda p: p.row_group[1:],
    "column_group": lambda p: p.column_group[1:],
    "distance_m": lambda p: [each + 1 for each in p.distance_m],
}
FORGED_ALIKE: dict[str, dict[str, Any]] = {
    "no saving claimed": {"saved": None},
    "no weights": {"weight": []},
    "another objective": {"objective": "MAX_MATCHES_THEN_SAVING"},
    "the saving": {"objective": "MAX_SAVING"},
    "an unknown objective": {"objective": "BEST"},
    "no groups": {"groups": []},
}


@pytest.mark.parametrize("changes", FORGED_ALIKE.values(), ids=FORGED_ALIKE)
def test_another_claim_is_refused(changes: dict[str, Any]) -> None:
    """What was optimal, and what was saved, cannot be said otherwise (I6)."""
    with pytest.raises((CertificateError, InvalidProblemError)):
        unpack(pack(_changed(_limited(), **changes))).check()


@pytest.mark.parametrize(
    "changes", [{"limit": 0}, {"price": 0}, {"price": -1}, {"parent": 0}, {"limit": -1}]
)
def test_forged_groups_are_refused(changes: dict[str, int]) -> None:
    """A limit or a price of the day that is not what was kept (I6)."""
    proof = _limited()
    with pytest.raises((CertificateError, InvalidProblemError)):
        _changed(proof, groups=_of_groups(proof, **changes)).check()


@pytest.mark.parametrize("name", FORGED)
def test_forged_weights_and_groups_are_refused(name: str) -> None:
    """Each list and total that is about objectives and limits (I6)."""
    proof = _limited()
    with pytest.raises((CertificateError, InvalidProblemError)):
        unpack(pack(_changed(proof, **{name: FORGED[name](proof)}))).check()


def test_weights_beside_savings_are_refused(proof: Proof) -> None:
    """Where the saving is the objective there is nothing else to weigh."""
    with pytest.raises(CertificateError, match="weight"):
        _changed(proof, weight=[1, 1, 1]).check()
    with pytest.raises(CertificateError, match="row_group"):
        _changed(proof, row_group=[0, 0]).check()


def test_an_empty_round_has_a_proof_too() -> None:
    """No return, no demand: one offset, nothing else, and it checks."""
    nothing = np.empty(0, np.int64)
    graph = CandidateGraph(
        np.zeros(1, np.int64), nothing.astype(np.int32), nothing, np.empty(0, np.int32)
    )
    empty = Proof.of(graph, assign(graph), [], [])
    unpack(pack(empty)).check()
    assert empty.pairs == []


def test_the_proof_of_a_plan_checks() -> None:
    """What a plan offers for storage is its own graph and answer (I6)."""
    made = plan(chain(), policy(), now_us=NOW_US)
    stored = unpack(pack(made.proof))
    stored.check()
    assert stored.pairs == [("r1", "d1"), ("r2", "d2")]


TAMPERED: dict[str, dict[str, Any]] = {
    "another format": {"format": "nearturn.proof/3"},
    "a better value claimed": {"value": 10},
    "a worse value claimed": {"value": 8},
    "an assignment that is not the best": {"column": [0, 1]},
    "a worse assignment with its own value": {"column": [0, 1], "value": 8},
    "one unit promised twice": {"column": [0, 0], "value": 14},
    "a pair that is no candidate": {"column": [1, 0]},
    "a column that is not there": {"column": [-1, 2]},
    "a row too few": {"column": [0]},
    "a price too low": {"return_price": [0, 0], "demand_price": [0, 0]},
    "a negative price": {"return_price": [0, 12], "demand_price": [-3, 0]},
    "a price missing": {"demand_price": [5]},
    "a saving made larger": {"saving": [5, 10, 3]},
    "a saving made smaller": {"saving": [5, 8, 3]},
    "a capacity made larger": {"capacity": [2, 1]},
    "a name missing": {"return_ids": ["r1"]},
    "a name too many": {"demand_ids": ["d1", "d2", "d3"]},
    "a name twice": {"demand_ids": ["d1", "d1"]},
    "a number beyond 64 bits": {"return_price": [1 << 70, 0]},
    "a column beyond 32 bits": {"column": [-1, 1 << 40]},
    "a saving beyond 64 bits": {"saving": [5, 1 << 64, 3]},
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_refused(proof: Proof, name: str) -> None:
    """Each single change to a true proof is found, even after a round trip (I6)."""
    tampered = unpack(pack(_changed(proof, **TAMPERED[name])))
    with pytest.raises(CertificateError):
        tampered.check()


MALFORMED: dict[str, dict[str, Any]] = {
    "no offsets": {"row_offsets": []},
    "offsets that fall": {"row_offsets": [0, 3, 1]},
    "a candidate too few": {"columns": [0, 0]},
    "a negative capacity": {"capacity": [-1, 1]},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_problem_is_refused_as_such(proof: Proof, name: str) -> None:
    """Arrays that do not fit together have nothing that could be proven."""
    with pytest.raises(InvalidProblemError):
        _changed(proof, **MALFORMED[name]).check()


def test_every_truncation_is_refused(proof: Proof) -> None:
    """No prefix of the bytes unpacks, down to none at all."""
    data = pack(proof)
    for length in range(len(data)):
        with pytest.raises(CertificateError):
            unpack(data[:length])


def test_every_flipped_byte_is_refused(proof: Proof) -> None:
    """No single byte can change unseen: zlib has a checksum, the rest is checked."""
    data = pack(proof)
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        with pytest.raises((CertificateError, InvalidProblemError)):
            unpack(damaged).check()


def test_bytes_behind_the_end_are_refused(proof: Proof) -> None:
    """A proof is the whole row: nothing may hide behind it."""
    with pytest.raises(CertificateError):
        unpack(pack(proof) + b"x")


GARBAGE = (
    b"garbage",
    b"\x00" * 100,
    zlib.compress(b""),
    zlib.compress(b"null"),
    zlib.compress(b"[1, 2"),
    zlib.compress(b"\xff\xfe"),
    zlib.compress(b'{"format": "nearturn.proof/1"}'),
    zlib.compress(b'{"format": "\xff"}'),
    zlib.compress(b'{"a": ' + b"[" * 100_000),
    zlib.compress(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
)


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_is_refused(number: int) -> None:
    """Not compressed, not JSON, not UTF-8, another document, nested 100,000 deep."""
    with pytest.raises(CertificateError):
        unpack(GARBAGE[number])


def test_numbers_of_another_type_are_refused(proof: Proof) -> None:
    """2.5 units, or text for a saving: the document does not decode."""
    text = msgspec.json.encode(proof)
    for wrong in (b'"saving":[5,2.5,3]', b'"saving":[5,"9",3]'):
        with pytest.raises(CertificateError):
            unpack(zlib.compress(text.replace(b'"saving":[5,9,3]', wrong)))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes of spaces in ten kilobytes stop at the bound, here a megabyte."""
    monkeypatch.setattr(module, "UNPACKED_BYTES_MAX", 1 << 20)
    bomb = zlib.compress(b" " * 10_000_000, 9)
    assert len(bomb) < 11_000
    with pytest.raises(CertificateError, match="larger"):
        unpack(bomb)


def test_the_bound_itself_fits(proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof of exactly the bound unpacks; one byte less of bound refuses it."""
    size = len(msgspec.json.encode(proof))
    monkeypatch.setattr(module, "UNPACKED_BYTES_MAX", size)
    assert unpack(pack(proof)) == proof
    monkeypatch.setattr(module, "UNPACKED_BYTES_MAX", size - 1)
    with pytest.raises(CertificateError):
        unpack(pack(proof))
