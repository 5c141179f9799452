"""A mapping: how the rows of a foreign table become rows of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.columns import Kind, explain_unknown
from server.files.mapping_filter import Condition
from server.files.mapping_rule import FieldRule


@dataclass(frozen=True, slots=True)
class TableMapping:
    """
    Rules for the columns of one kind, and which rows count.

    Parameters
    ----------
    place
        File that it was read from, for errors.
    kind
        What the mapped rows are.
    conditions
        All of them hold for the rows that count.
    rules
        One per column that is filled; what no rule names is dropped.
    """

    place: str
    kind: Kind
    conditions: tuple[Condition, ...]
    rules: tuple[FieldRule, ...]

    def check_source(self, columns: Sequence[str], source: str) -> None:
        """
        Refuse a foreign table that lacks a column the mapping reads.

        Raises
        ------
        InvalidValueError
            With every column that is missing.
        """
        known = set(columns)
        wanted = [(f"[filter] {each.column}", each.column) for each in self.conditions]
        wanted += [
            (f"[fields] {rule.target}", column)
            for rule in self.rules
            for column in rule.sources
        ]
        faults = [
            FieldViolation(
                f"{self.place}: {key}",
                f"column {column!r}, which {source} has not",
                explain_unknown(column, columns),
            )
            for key, column in wanted
            if column not in known
        ]
        if faults:
            raise InvalidValueError.of(faults)

    def selects(self, values: Mapping[str, object]) -> bool:
        """
        Tell whether a foreign row counts.

        Raises
        ------
        InvalidValueError
            If a value cannot be compared with its condition.
        """
        return all(each.holds(values.get(each.column)) for each in self.conditions)

    def apply(self, values: Mapping[str, object]) -> dict[str, object]:
        """
        Map one foreign row.

        Returns
        -------
        dict
            By column name; what ``to_message_dict`` takes.

        Raises
        ------
        InvalidValueError
            With every rule that does not apply to its value.
        """
        mapped: dict[str, object] = {}
        faults: list[FieldViolation] = []
        for rule in self.rules:
            try:
                mapped[rule.target] = rule.value(values)
            except InvalidValueError as error:
                faults.extend(error.violations)
        if faults:
            raise InvalidValueError.of(faults)
        return mapped
