"""The program between contract and domain."""

from __future__ import annotations

from matcher.domain.program import Program, ProgramEvent
from nearturn.v1 import policy_pb2, program_pb2
from server.api.convert.times import to_timestamp


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
    )


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
    )
