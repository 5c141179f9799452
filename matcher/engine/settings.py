"""What holds for all items of a shard: its policies, its program, its network."""

from __future__ import annotations

from matcher.engine.answers import Answer
from matcher.engine.commands import (
    ActivatePolicy,
    CreatePolicy,
    DeleteServiceArea,
    DeleteWarehouse,
    PauseProgram,
    ResumeProgram,
    RollbackPolicy,
    Setting,
    UpsertServiceArea,
    UpsertWarehouse,
)
from matcher.engine.guardrail_book import GuardrailBook
from matcher.engine.network_book import NetworkBook
from matcher.engine.policy_book import PolicyBook


def apply_setting(
    command: Setting,
    policies: PolicyBook,
    guardrails: GuardrailBook,
    network: NetworkBook,
    now_us: int,
) -> Answer:
    """
    Apply a command to the book that it is about.

    Returns
    -------
    Answer
        What that book has to say; ``None`` for what was deleted.

    Raises
    ------
    NearturnError
        As the book says; a stale etag is a :class:`VersionMismatchError`.
    """
    match command:
        case CreatePolicy():
            return policies.create(
                command.policy, now_us, validate_only=command.validate_only
            )
        case UpsertWarehouse():
            return network.upsert_warehouse(command.warehouse, command.etag)
        case DeleteWarehouse():
            network.delete_warehouse(command.warehouse_id, command.etag)
        case UpsertServiceArea():
            return network.upsert_area(command.service_area, command.etag)
        case DeleteServiceArea():
            network.delete_area(command.service_area_id, command.etag)
        case _:
            policies.program.check_etag(command.etag)
            return _steer(command, policies, guardrails, now_us)
    return None


def _steer(
    command: ActivatePolicy | RollbackPolicy | PauseProgram | ResumeProgram,
    policies: PolicyBook,
    guardrails: GuardrailBook,
    now_us: int,
) -> Answer:
    match command:
        case ActivatePolicy():
            return policies.activate(
                command.version, command.acknowledged, command.sign_offs, now_us
            )
        case RollbackPolicy():
            return policies.roll_back(command.note, now_us)
        case PauseProgram():
            return policies.program.pause(command.category, command.note, now_us)
        case ResumeProgram():
            before = policies.program.program
            resumed = policies.program.resume(command.category, command.note, now_us)
            if resumed != before:
                guardrails.start_anew(command.category)
            return resumed
