"""The rollout report as tables."""

from __future__ import annotations

import io

from rich.console import Console

from nearturn.v1 import decision_pb2
from nearturn.v1 import report_service_pb2 as pb
from server.cli.report_run import tables


def _text(report: pb.GetRolloutReportResponse) -> str:
    written = io.StringIO()
    console = Console(width=160, file=written)
    for table in tables(report):
        console.print(table)
    return written.getvalue()


def test_the_control_group_is_a_table() -> None:
    """Who was kept out by what, what would have matched, and with what (R26, R31)."""
    group = pb.ControlGroup(
        category="apparel",
        kept_out=decision_pb2.REASON_CODE_SHADOW_MODE,
        control_count=1_012,
        would_have_matched=pb.Share(
            count=250, sample_size=1_000, value=0.25, low=0.2242, high=0.2777
        ),
        open_count=9,
        skipped_count=3,
        saving_micros=pb.EstimatedFigure(value=1_234_567_890, sample_size=250),
        distance_sum_m=4_321_000,
    )
    text = _text(pb.GetRolloutReportResponse(control_groups=[group]))
    assert "control group (estimates, of all time)" in text
    (row,) = [line for line in text.splitlines() if "SHADOW_MODE" in line]
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == [
        "apparel",
        "SHADOW_MODE",
        "1,012",
        "250 of 1,000: 25.0 % (22.4 to 27.8)",
        "1,234.57",
        "4,321.0 km",
        "9",
        "3",
    ]


def test_without_a_control_group_there_is_no_table() -> None:
    """A rollout that takes everybody keeps nobody out."""
    assert "control group" not in _text(pb.GetRolloutReportResponse())


def test_what_is_held_has_a_line_of_its_own() -> None:
    """Before anything is confirmed the saving is 0; what is promised stands beside."""
    for count, told in ((2, "2 matches: 5.50"), (1, "1 match: 5.50")):
        report = pb.GetRolloutReportResponse(
            held_saving_micros=pb.EstimatedFigure(value=5_500_000, sample_size=count)
        )
        lines = _text(report).splitlines()
        (saved,) = [line for line in lines if "saving, of confirmed" in line]
        (held,) = [line for line in lines if "held, not confirmed yet" in line]
        assert "0.00" in saved
        assert told in held
