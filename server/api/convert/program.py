"""The program between contract and domain."""

from __future__ import annotations

from matcher.domain.program import Program, ProgramEvent, SignOff, SignOffItem
from nearturn.v1 import policy_pb2, program_pb2
from server.api.convert.times import optional_timestamp, to_timestamp


def from_program(program: Program) -> program_pb2.Program:
    """Return the program as a message."""
    versions = (0, 0, *program.in_force)
    return program_pb2.Program(
        policy_version=versions[-1],
        previous_version=versions[-2],
        pauses=[
            program_pb2.Pause(
                category=pause.category,
                note=pause.note,
                start_time=to_timestamp(pause.start_us),
            )
            for pause in program.pauses
        ],
        event_count=program.event_count,
        etag=program.etag,
        erased_history_time=optional_timestamp(program.erased_until_us or None),
    )


def to_sign_off(message: program_pb2.SignOff) -> SignOff:
    """Return who signed for what."""
    return SignOff(SignOffItem(message.item), message.name)


def from_event(event: ProgramEvent) -> program_pb2.ProgramEvent:
    """Return an event of the program's log as a message."""
    return program_pb2.ProgramEvent(
        number=event.number,
        kind=program_pb2.ProgramEventKind.ValueType(event.kind),
        event_time=to_timestamp(event.happened_us),
        policy_version=event.policy_version,
        previous_version=event.previous_version,
        category=event.category,
        note=event.note,
        acknowledged_dimensions=[
            policy_pb2.PolicyDimension.ValueType(each) for each in event.acknowledged
        ],
        sign_offs=[
            program_pb2.SignOff(
                item=program_pb2.SignOffItem.ValueType(each.item), name=each.name
            )
            for each in event.sign_offs
        ],
    )
