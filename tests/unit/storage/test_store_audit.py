"""A sound store has no violation; each kind of fault is found where it is."""

# ruff: noqa: S608 - the statements are made of the literals below

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.storage.audit.findings import Findings
from server.storage.audit_entry import AuditAction, AuditEntry
from server.storage.opening import open_store
from server.storage.store_check import check_store
from tests.scenarios import NOW_US, TENANT
from tests.scenarios.stored_life import live_in


def _set(table: str, field: str, value: str, where: str) -> str:
    # Sets a field of documents by its path.
    return (
        f"UPDATE {table} SET document = json_set(document, '$.{field}', {value}) "
        f"WHERE {where}"
    )


def _one(table: str, condition: str = "1") -> str:
    return f"rowid = (SELECT min(rowid) FROM {table} WHERE {condition})"


# What is done to a sound store, and the table and words of a violation that it is.
CORRUPTIONS = {
    "a unit held by nobody": (
        _set(
            "demands",
            "held_count",
            "json_extract(document, '$.held_count') + 1",
            _one("demands"),
        ),
        ("demands", "held_count is"),
    ),
    "a unit fulfilled by nobody": (
        _set("demands", "fulfilled_count", "9", _one("demands")),
        ("demands", "units are promised of"),
    ),
    "a demand closed too early": (
        _set("demands", "state", "3", _one("demands", "state = 2"))
        + "; UPDATE demands SET state = 3 WHERE json_extract(document, '$.state') = 3",
        ("demands", "it is FULFILLED with"),
    ),
    "a column that is behind": (
        f"UPDATE demands SET version = version - 1 WHERE {_one('demands')}",
        ("demands", "version is"),
    ),
    "a live demand that no start would find": (
        f"UPDATE demands SET is_live = 1 - is_live WHERE {_one('demands')}",
        ("demands", "is_live is"),
    ),
    "a demand that is lost": (
        f"DELETE FROM demands WHERE {_one('demands', 'state = 2')}",
        ("demands", "a match promises it"),
    ),
    "a document that does not read": (
        f"UPDATE demands SET document = '{{}}' WHERE {_one('demands')}",
        ("demands", "does not read back"),
    ),
    "a match that nobody decided": (
        _set("matches", "return_id", "'r19'", _one("matches", "hold_state = 1")),
        ("matches", "no decision made it"),
    ),
    "a match that is lost": (
        f"DELETE FROM matches WHERE {_one('matches')}",
        ("matches", "a decision names it"),
    ),
    "a return promised twice": (
        (
            "UPDATE matches SET hold_state = 1, document = json_set(document, "
            "'$.hold_state', 1) WHERE match_id = (SELECT min(a.match_id) "
            "FROM matches a JOIN matches b ON "
            "a.document ->> '$.return_id' = b.document ->> '$.return_id' "
            "WHERE a.hold_state = 4 AND b.hold_state = 1)"
        ),
        ("matches", "its return is promised in"),
    ),
    "a hold that ended by itself": (
        (
            "UPDATE matches SET hold_state = 3, document = json_set(document, "
            f"'$.hold_state', 3) WHERE {_one('matches', 'hold_state = 1')}"
        ),
        ("returns", "and its hold is none"),
    ),
    "a state that nobody decided": (
        (
            "UPDATE returns SET state = 4, document = json_set(document, '$.state', 4) "
            f"WHERE {_one('returns', 'state = 1')}"
        ),
        ("returns", "its last decision says WAITING"),
    ),
    "a return behind its log": (
        _set("returns", "decision_id", "'d-000000000001'", "return_id = 'r05'"),
        ("returns", "the last is"),
    ),
    "a return of another match": (
        _set("returns", "match_id", "'m-000000000999'", _one("returns", "state = 2")),
        ("returns", "its hold is"),
    ),
    "a return that is lost": (
        "DELETE FROM returns WHERE return_id = 'r05'",
        ("returns", "a decision is about it"),
    ),
    "a return that reports do not count": (
        "DELETE FROM return_facts WHERE return_id = 'r05'",
        ("return_facts", "it is not there"),
    ),
    "a return that reports count as another": (
        "UPDATE return_facts SET state = 6 WHERE return_id = 'r05'",
        ("return_facts", "state is 6"),
    ),
    "a report of no return": (
        "UPDATE return_facts SET return_id = 'r05b' WHERE return_id = 'r05'",
        ("return_facts", "its return is not there"),
    ),
    "a gap in the log": (
        "DELETE FROM decisions WHERE sequence = 7",
        ("decisions", "the next is 7"),
    ),
    "a log that goes back": (
        _set("decisions", "decided_us", "1", "sequence = 7"),
        ("decisions", "decided before the one before it"),
    ),
    "a decision without evidence": (
        _set("decisions", "checks", "json('[]')", "sequence = 7"),
        ("decisions", "it has no evidence"),
    ),
    "a decision under another id": (
        "UPDATE decisions SET return_id = 'r19' WHERE sequence = 7",
        ("decisions", "return_id is r19"),
    ),
    "a number to be given again": (
        "UPDATE counters SET match_count = 1",
        ("counters", "it is 1, given out is"),
    ),
    "a place in the log to be given again": (
        "UPDATE counters SET sequence = sequence - 1",
        ("counters", "given out is"),
    ),
    "a place under a limit too many": (
        "UPDATE match_counts SET match_count = match_count + 1 WHERE scope = 1",
        ("match_counts", "match_count is"),
    ),
    "a place under a limit not counted": (
        "DELETE FROM match_counts WHERE scope = 1",
        ("match_counts", "matches count for no row"),
    ),
    "a unit too many in a warehouse": (
        "UPDATE warehouse_days SET routed_count = routed_count + 1",
        ("warehouse_days", "routed_count is"),
    ),
    "a warehouse day not counted": (
        "DELETE FROM warehouse_days",
        ("warehouse_days", "decisions count for no row"),
    ),
    "a round with other matches": (
        _set("rounds", "matched_count", "1", _one("rounds")),
        ("rounds", "matched_count is 1"),
    ),
    "a round that is lost": (
        f"DELETE FROM rounds WHERE {_one('rounds')}",
        ("rounds", "a match names it"),
    ),
    "a proof of another round": (
        "UPDATE rounds SET proof = (SELECT proof FROM rounds ORDER BY round_id DESC)",
        ("rounds", "its proof"),
    ),
    "a proof that is damaged": (
        "UPDATE rounds SET proof = x'78'",
        ("rounds", "its proof does not hold"),
    ),
    "a saving that the proof does not have": (
        _set("rounds", "saving_micros", "1", _one("rounds")),
        ("rounds", "saving_micros: got 1"),
    ),
    "two policies in force": (
        "UPDATE policies SET state = 2, document = json_set(document, '$.state', 2)",
        ("policies", "it is ACTIVE beside version 1"),
    ),
    "a program in force that is not": (
        _set("programs", "in_force", "json('[1]')", "1"),
        ("programs", "in force is (1,)"),
    ),
    "a gap in the program's log": (
        "DELETE FROM program_events WHERE number = 1",
        ("program_events", "the next number is 1"),
    ),
    "an end of the program's log that is lost": (
        "DELETE FROM program_events WHERE number = 2",
        ("programs", "event_count is 2"),
    ),
    "a gap in the audit log": (
        "DELETE FROM audit_log WHERE number = 1",
        ("audit_log", "the next number is 1"),
    ),
    "a gap in the journal": (
        "DELETE FROM journal WHERE number = 4",
        ("journal", "the next number is 4"),
    ),
    "a segment that does not read": (
        "UPDATE journal SET segment = substr(segment, 1, 40) WHERE number = 4",
        ("journal", "do not read back"),
    ),
    "a segment of another place": (
        "UPDATE journal SET entry_count = 3 WHERE number = 4",
        ("journal", "of its segment 1"),
    ),
    "a checkpoint that does not read": (
        "UPDATE checkpoints SET rows = x'00'",
        ("checkpoints", "do not read back"),
    ),
    "a checkpoint of the future": (
        "UPDATE checkpoints SET entry_count = 99999",
        ("checkpoints", "entries only"),
    ),
    "a shadow that ended without a result": (
        (
            "UPDATE shadows SET state = 3, document = json_set(document, '$.state', 3, "
            "'$.result', NULL)"
        ),
        ("shadows", "without a result"),
    ),
    "a warehouse that does not read": (
        "UPDATE warehouses SET document = '[]'",
        ("warehouses", "does not read back"),
    ),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store that nobody has tampered with."""
    path = tmp_path_factory.mktemp("sound") / "store.db"
    live_in(path)
    with closing(open_store(f"sqlite:///{path}")) as store:
        entry = AuditEntry(NOW_US, "key:a", AuditAction.PROGRAM_PAUSED)
        store.commit([], audited=[(TENANT, entry), (TENANT, entry)])
    return path


def _audited(path: Path, *, limit: int = 1_000) -> Findings:
    found = check_store(path, is_quick=False, with_proofs=True, limit=limit)
    assert found.faults == ()
    assert found.findings is not None
    return found.findings


def test_a_sound_store_has_no_violation(sound: Path) -> None:
    """Every table with rows is read, and both rounds' proofs are checked."""
    findings = _audited(sound)
    assert findings.violations == []
    assert findings.round_count == 2
    with closing(sqlite3.connect(sound)) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
            )
        ]
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in tables
        }
    # The audit can say nothing of an empty table. Of these it says nothing anyway, but
    # that the documents of drop-off points read back.
    empty = {name for name, count in counts.items() if not count}
    silent = {"answers", "shadow_units", "volume_hours", "drop_off_points"}
    assert empty <= silent | {"leases", "relay_cursors"}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_fault_is_found(sound: Path, tmp_path: Path, name: str) -> None:
    """One row tampered with: its table is named, with the words for that fault."""
    script, (table, words) = CORRUPTIONS[name]
    path = tmp_path / "store.db"
    shutil.copyfile(sound, path)
    with closing(sqlite3.connect(path)) as connection:
        before = connection.total_changes
        for statement in script.split("; "):
            connection.execute(statement)
        assert connection.total_changes > before
        connection.commit()
    found = _audited(path).violations
    assert [each for each in found if each.table == table and words in each.fault]


def test_only_so_many_are_kept_and_all_are_counted(sound: Path, tmp_path: Path) -> None:
    """Each of 21 rows is at fault, two are told."""
    path = tmp_path / "store.db"
    shutil.copyfile(sound, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE return_facts SET distance_m = distance_m + 1")
        connection.commit()
    findings = _audited(path, limit=2)
    assert len(findings.violations) == 2
    assert findings.count == 21
    assert str(findings.violations[0]).startswith(
        "return_facts 'pending' of tenant 'brand': distance_m is 1, "
    )
