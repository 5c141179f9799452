"""The proof of a plan or round as bytes: problem, answer and dual prices."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import CertificateError
from matcher.solve import Assignment, CandidateGraph, check_certificate

FORMAT = "nearturn.proof/1"

#: A proof larger than this when unpacked is refused: 4 GiB.
UNPACKED_BYTES_MAX = 1 << 32

_LEVEL = 1

# All that bytes from outside can make of the decoders: text that is no UTF-8 and
# nesting without end come as errors of their own.
_DAMAGED = (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """
    A candidate graph with its assignment, by the ids of rows and columns.

    ``matched`` holds ``(return id, demand id)``; prices of zero are kept, so that
    the lists line up with the ids. ``gap`` is by how much a solve that was stopped may
    have missed the optimum. Anyone can check it without our solver.
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

    @classmethod
    def of(
        cls,
        graph: CandidateGraph,
        assignment: Assignment,
        return_ids: Sequence[str],
        demand_ids: Sequence[str],
    ) -> Proof:
        """
        Gather a proof from what was solved.

        Rows without a candidate are left out: there is nothing to prove of them.
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
        )

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
        prices = _int64("demand_price", self.demand_price)
        return Assignment(column, price, prices, self.value, self.gap)

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
        if self.format != FORMAT:
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
        ):
            if len(ids) != count or len(set(ids)) != count:
                raise CertificateError(f"{name}: needs {count} distinct ids")
        check_certificate(
            graph,
            Assignment(
                _int32("column", self.column),
                _int64("return_price", self.return_price),
                _int64("demand_price", self.demand_price),
                self.value,
                self.gap,
            ),
        )


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
