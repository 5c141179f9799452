"""`nearturn erase` against a running server."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from matcher.domain.errors import UnavailableError
from nearturn import Client
from nearturn.v1 import return_service_pb2 as returns
from server.cli.app import app
from tests.contract.messages import return_item, timestamp
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us


def _erase(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["erase", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.mark.e2e
def test_a_customer_is_erased_from_the_command_line(tmp_path: Path) -> None:
    """The customer's return names nobody afterwards; a refusal says why (R33)."""
    with ServerProcess(tmp_path, "--log-level=warning") as server:
        with Client(server.address) as client:
            item = return_item("r1", decide_by_time=timestamp(now_us() + DAY_US))
            client.returns.SubmitReturn(returns.SubmitReturnRequest(return_item=item))
            told = _erase(
                *("--server", server.address, "--customer", item.customer_id),
                *("--note", "ticket 7"),
            )
            assert told == "erased: 1 returns, 0 demands\n"
            left = client.returns.GetReturn(returns.GetReturnRequest(return_id="r1"))
        assert left.return_item.customer_id == "erased"
        with pytest.raises(UnavailableError, match="'r9' does not exist"):
            _erase("--server", server.address, "--return-id", "r9")
