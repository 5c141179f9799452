"""What of a command the audit log says."""

from __future__ import annotations

from typing import cast

from matcher.engine.answers import Answer
from matcher.engine.commands import (
    ActivatePolicy,
    Command,
    CreatePolicy,
    ErasePersonalData,
    PauseProgram,
    ResumeProgram,
    RollbackPolicy,
)
from matcher.engine.records import PolicyRecord
from server.storage.audit_entry import AuditAction, AuditEntry

_ACTIONS: dict[type, AuditAction] = {
    CreatePolicy: AuditAction.POLICY_CREATED,
    ActivatePolicy: AuditAction.POLICY_ACTIVATED,
    RollbackPolicy: AuditAction.POLICY_ROLLED_BACK,
    PauseProgram: AuditAction.PROGRAM_PAUSED,
    ResumeProgram: AuditAction.PROGRAM_RESUMED,
    ErasePersonalData: AuditAction.PERSONAL_DATA_ERASED,
}


def audit_note(
    command: Command, answer: Answer, subject: str, previous: int, now_us: int
) -> AuditEntry | None:
    """
    Return what to note of a command that was carried out.

    Parameters
    ----------
    command, answer
        What was done, and what came of it.
    subject
        Who asked for it.
    previous
        Version of the policy that was in force before; 0 for none.
    now_us
        When.

    Returns
    -------
    AuditEntry or None
        ``None`` for commands that change neither policies nor the program.
    """
    action = _ACTIONS.get(type(command))
    is_trial = isinstance(command, CreatePolicy) and command.validate_only
    if action is None or is_trial:
        return None
    version = previous
    if isinstance(command, CreatePolicy | ActivatePolicy | RollbackPolicy):
        version = cast(PolicyRecord, answer).policy.version
    target = note = ""
    if isinstance(command, PauseProgram | ResumeProgram):
        target, note = command.category, command.note
    elif isinstance(command, RollbackPolicy | ErasePersonalData):
        note = command.note
    return AuditEntry(now_us, subject, action, target, previous, version, note)
