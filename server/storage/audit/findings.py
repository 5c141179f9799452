"""What an audit found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """
    A row that breaks a rule.

    ``key`` is the row's id within its tenant and table; ``fault`` says what it has
    and what it should have, and holds no personal data.
    """

    table: str
    tenant: str
    key: str
    fault: str

    def __str__(self) -> str:
        return f"{self.table} {self.key!r} of tenant {self.tenant!r}: {self.fault}"


@dataclass(slots=True)
class Findings:
    """
    Violations in the order in which they were met.

    Only the first ``limit`` are kept; ``count`` is of all. ``row_count`` and
    ``round_count`` say how many rows were read, and how many proofs were checked.
    """

    limit: int
    violations: list[Violation] = field(default_factory=list)
    count: int = 0
    row_count: int = 0
    round_count: int = 0

    def add(self, table: str, tenant: str, key: object, fault: str) -> None:
        """Note a violation."""
        self.count += 1
        if len(self.violations) < self.limit:
            self.violations.append(Violation(table, tenant, str(key), fault))
