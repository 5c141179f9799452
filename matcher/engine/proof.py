"""The proof of a plan or round as bytes: problem, answer and dual prices."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import CertificateError
from matcher.domain.match_limit import LimitKey
from matcher.domain.objective import Objective
from matcher.solve import (
    Assignment,
    CandidateGraph,
    Limits,
    WeighedGraph,
    check_certificate,
    weigh,
)
from matcher.solve.assignment import taken_savings

FORMAT = "nearturn.proof/2"

#: Proofs of before there were objectives and match limits; they still read and check.
FORMAT_1 = "nearturn.proof/1"

#: A proof larger than this when unpacked is refused: 4 GiB.
UNPACKED_BYTES_MAX = 1 << 32

_LEVEL = 1

# All that bytes from outside can make of the decoders: text that is no UTF-8 and
# nesting without end come as errors of their own.
_DAMAGED = (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ProofGroup(msgspec.Struct, frozen=True, kw_only=True):
    """
    Matches that share a limit.

    Parameters
    ----------
    scope, key, date
        Whose they are: DAY, SKU, ZONE or WAREHOUSE; the SKU, cell or warehouse; the
        UTC day.
    resolution
        That of the cell, else 0.
    limit
        Matches that were left to it.
    parent
        The group that holds it, -1 for none.
    price
        What the prices say of one place more in it.
    """

    scope: str
    key: str
    date: str
    resolution: int
    limit: int
    parent: int
    price: int

    @property
    def name(self) -> str:
        """Readable and stable: ``ZONE/2026-03-02/871f1d489ffffff``."""
        return f"{self.scope}/{self.date}/{self.key}".removesuffix("/")


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """
    A candidate graph with its assignment, by the ids of rows and columns.

    Prices of zero are kept, so that the lists line up with the ids. ``gap`` is by how
    much a solve that was stopped may have missed the optimum. Anyone can check it
    without our solver.

    Value, gap and prices are in the weights of the objective. Those are the savings for
    ``MAX_SAVING``, and ``weight`` is empty then; else ``match_bonus`` and the saving,
    or less the metres, which ``distance_m`` holds then. ``saved`` is what the matches
    save, whatever the objective.
    ``row_group`` and ``column_group`` name the smallest group of each, -1 for none;
    they are empty without groups.
    """

    format: str
    return_ids: list[str]
    demand_ids: list[str]
    row_offsets: list[int]
    columns: list[int]
    saving: list[int]
    capacity: list[int]
    column: list[int]
    return_price: list[int]
    demand_price: list[int]
    value: int
    gap: int = 0
    objective: str = Objective.MAX_SAVING.name
    match_bonus: int = 0
    weight: list[int] = []
    distance_m: list[int] = []
    saved: int | None = None
    groups: list[ProofGroup] = []
    row_group: list[int] = []
    column_group: list[int] = []

    @classmethod
    def of(
        cls,
        graph: CandidateGraph,
        assignment: Assignment,
        return_ids: Sequence[str],
        demand_ids: Sequence[str],
        *,
        keys: Sequence[LimitKey] = (),
        limits: Limits | None = None,
    ) -> Proof:
        """
        Gather a proof from what was solved.

        Parameters
        ----------
        graph
            The candidates with their savings.
        assignment
            The answer.
        return_ids, demand_ids
            Ids of all rows and columns. Rows without a candidate are left out: there
            is nothing to prove of them.
        keys, limits
            Whose matches were limited, and how.
        """
        rows = np.nonzero(np.diff(graph.row_offsets))[0]
        ends = graph.row_offsets[rows + 1]
        return cls(
            format=FORMAT,
            return_ids=[return_ids[row] for row in rows.tolist()],
            demand_ids=list(demand_ids),
            row_offsets=[0, *ends.tolist()],
            columns=graph.columns.tolist(),
            saving=graph.saving.tolist(),
            capacity=graph.capacity.tolist(),
            column=assignment.column[rows].tolist(),
            return_price=assignment.return_price[rows].tolist(),
            demand_price=assignment.demand_price.tolist(),
            value=assignment.value,
            gap=assignment.gap,
            saved=assignment.value,
            **_groups(assignment, keys, limits, rows),
        )

    def weighed(
        self,
        objective: Objective,
        weighed: WeighedGraph,
        distance_m: NDArray[np.int64],
        saved: int,
    ) -> Proof:
        """Return the proof with what it is about, if that is not the saving."""
        if objective is Objective.MAX_SAVING:
            return self
        by_distance = objective is Objective.MAX_MATCHES_THEN_DISTANCE
        return msgspec.structs.replace(
            self,
            objective=objective.name,
            match_bonus=weighed.match_bonus,
            weight=weighed.graph.saving.tolist(),
            distance_m=distance_m.tolist() if by_distance else [],
            saved=saved,
        )

    @property
    def saving_micros(self) -> int:
        """What the matches save in all."""
        return self.value if self.saved is None else self.saved

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Matched pairs of return id and demand id, in the order of the returns."""
        return [
            (self.return_ids[row], self.demand_ids[column])
            for row, column in enumerate(self.column)
            if column >= 0
        ]

    def assignment(self, return_ids: Sequence[str]) -> Assignment:
        """
        Return the answer for the rows that it was gathered from.

        Parameters
        ----------
        return_ids
            The ids of all rows, those without a candidate too.
        """
        column = np.full(len(return_ids), -1, np.int32)
        price = np.zeros(len(return_ids), np.int64)
        row_of = {return_id: row for row, return_id in enumerate(return_ids)}
        rows = [row_of[each] for each in self.return_ids]
        column[rows] = _int32("column", self.column)
        price[rows] = _int64("return_price", self.return_price)
        return Assignment(
            column,
            price,
            _int64("demand_price", self.demand_price),
            self.value,
            self.gap,
            _int64("groups.price", [group.price for group in self.groups]),
        )

    def check(self) -> None:
        """
        Check the certificate from nothing but what the proof holds.

        Raises
        ------
        CertificateError
            On the first fault.
        InvalidProblemError
            If the arrays do not form a problem.
        """
        if self.format not in (FORMAT, FORMAT_1):
            raise CertificateError(f"format: got {self.format!r}; accepted: {FORMAT!r}")
        graph = CandidateGraph(
            _int64("row_offsets", self.row_offsets),
            _int32("columns", self.columns),
            _int64("saving", self.saving),
            _int32("capacity", self.capacity),
        )
        for name, ids, count in (
            ("return_ids", self.return_ids, len(self.row_offsets) - 1),
            ("demand_ids", self.demand_ids, len(self.capacity)),
            ("groups", [group.name for group in self.groups], len(self.groups)),
        ):
            if len(ids) != count or len(set(ids)) != count:
                raise CertificateError(f"{name}: needs {count} distinct ids")
        limits = self._limits(graph)
        check_certificate(
            self._weighed(graph, limits),
            Assignment(
                _int32("column", self.column),
                _int64("return_price", self.return_price),
                _int64("demand_price", self.demand_price),
                self.value,
                self.gap,
                _int64("groups.price", [group.price for group in self.groups]),
            ),
            limits,
        )
        self._check_saved(graph)

    def _weighed(self, graph: CandidateGraph, limits: Limits) -> CandidateGraph:
        # The candidates as the objective weighs them, made again from what they save
        # or how far they are.
        if self.objective == Objective.MAX_SAVING.name:
            if self.weight or self.match_bonus:
                raise CertificateError(
                    "weight: got some; accepted: none beside savings"
                )
            return graph
        known = {each.name: each for each in Objective if each}
        if self.objective not in known:
            raise CertificateError(
                f"objective: got {self.objective!r}; accepted: {', '.join(known)}"
            )
        weight = _int64("weight", self.weight)
        if len(weight) != len(graph.saving):
            raise CertificateError(
                f"weight: got {len(weight)} entries; accepted: {len(graph.saving)}"
            )
        bonus = _int64("match_bonus", [self.match_bonus])[0]
        metres = _int64("distance_m", self.distance_m)
        if self.objective != Objective.MAX_MATCHES_THEN_DISTANCE.name:
            metres = np.zeros(len(weight), np.int64)
        weighed = weigh(graph, known[self.objective], metres, limits)
        if weighed.match_bonus != bonus or (weighed.graph.saving != weight).any():
            raise CertificateError(
                f"weight: not what {self.objective} makes of the savings"
            )
        return weighed.graph

    def _limits(self, graph: CandidateGraph) -> Limits:
        if not self.groups:
            if self.row_group or self.column_group:
                raise CertificateError(
                    "row_group: got some; accepted: none without groups"
                )
            return Limits.none(graph)
        return Limits(
            _int64("groups.limit", [group.limit for group in self.groups]),
            _int32("groups.parent", [group.parent for group in self.groups]),
            _int32("row_group", self.row_group),
            _int32("column_group", self.column_group),
        )

    def _check_saved(self, graph: CandidateGraph) -> None:
        # In Python's integers: the weights have room in 64 bits, savings may not.
        column = np.array(self.column, np.int32)
        saved = sum(taken_savings(graph, column).tolist())
        if saved != self.saving_micros:
            raise CertificateError(
                f"saved: the matches save {saved}, claimed is {self.saving_micros}"
            )


def _groups(
    assignment: Assignment,
    keys: Sequence[LimitKey],
    limits: Limits | None,
    rows: NDArray[np.int64],
) -> dict[str, Any]:
    if limits is None or not keys:
        return {}
    return {
        "groups": [
            ProofGroup(
                scope=key.scope.name,
                key=key.key,
                date=key.date,
                resolution=key.resolution,
                limit=limit,
                parent=parent,
                price=price,
            )
            for key, limit, parent, price in zip(
                keys,
                limits.limit.tolist(),
                limits.parent.tolist(),
                assignment.limit_price.tolist(),
                strict=True,
            )
        ],
        "row_group": limits.row_group[rows].tolist(),
        "column_group": limits.column_group.tolist(),
    }


def pack(proof: Proof) -> bytes:
    """Return the proof as compressed JSON (zlib)."""
    return zlib.compress(msgspec.json.encode(proof), _LEVEL)


def unpack(data: bytes) -> Proof:
    """
    Return the proof that was packed.

    Raises
    ------
    CertificateError
        If the bytes are damaged, or unpack to more than 4 GiB.
    """
    try:
        unzip = zlib.decompressobj()
        text = unzip.decompress(data, UNPACKED_BYTES_MAX)
        if unzip.unconsumed_tail or not unzip.eof:
            raise CertificateError("the proof is cut short or larger than 4 GiB")
        if unzip.unused_data:
            raise CertificateError("the proof is followed by something else")
        return msgspec.json.decode(text, type=Proof)
    except _DAMAGED as error:
        raise CertificateError(f"the proof is damaged: {error}") from error


def _int64(name: str, values: list[int]) -> NDArray[np.int64]:
    try:
        return np.array(values, np.int64)
    except OverflowError as error:
        raise CertificateError(f"{name}: a number is out of range") from error


def _int32(name: str, values: list[int]) -> NDArray[np.int32]:
    try:
        return np.array(values, np.int32)
    except OverflowError as error:
        raise CertificateError(f"{name}: a number is out of range") from error
