"""Load tables into a server, with progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from matcher.domain.errors import InvalidValueError, UnavailableError
from matcher.domain.policy_change import Dimension
from nearturn import Client, request_id
from nearturn.v1 import policy_pb2, program_pb2
from nearturn.v1 import policy_service_pb2 as pb
from server.cli.column_loading import COLUMN_KINDS, ColumnLoader
from server.cli.connection import connect
from server.cli.inputs import read_entries, read_mappings, read_policy_message
from server.cli.loading import LoadResult, TableLoader
from server.files import (
    Checkpoint,
    Kind,
    RejectedWriter,
    TableMapping,
    open_table,
    read_named,
)


def load_tables(
    to: str,
    tables: Sequence[tuple[Path, Kind]],
    policy: Path | None,
    acknowledged: Sequence[Dimension],
    signed_off_by: str,
    mappings: Sequence[Path],
    batch_size: int,
) -> int:
    """
    Load a policy and tables; return how many rows were rejected.

    Raises
    ------
    InvalidValueError
        If a file does not fit as a whole.
    UnavailableError
        If the server cannot be reached or refuses; the load can be resumed.
    """
    of_kind = read_mappings(mappings)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with connect(to) as client, Progress(*columns, console=console) as progress:
        try:
            if policy is not None:
                version = put_in_force(
                    client, read_policy_message(policy), acknowledged, signed_off_by
                )
                console.print(f"policy version {version} is in force")
            return sum(
                _load_table(client, to, path, kind, of_kind, batch_size, progress)
                for path, kind in tables
            )
        except grpc.RpcError as error:
            raise UnavailableError(
                f"{to}: {error.code().name}: {error.details()}; "
                "give the same command again to go on"
            ) from error


def put_in_force(
    client: Client,
    policy: policy_pb2.Policy,
    acknowledged: Sequence[Dimension],
    signed_off_by: str,
) -> int:
    """
    Store a policy version and activate it; return its number.

    Raises
    ------
    InvalidValueError
        If it opens more than one step may and that is not acknowledged, or nobody
        signs for it; nothing is stored then.
    """
    if not signed_off_by:
        raise InvalidValueError(
            "signed_off_by",
            "nobody",
            "the name of who answers for the policy and has read its texts and scripts",
        )
    meant = [policy_pb2.PolicyDimension.ValueType(each) for each in acknowledged]
    diff = client.policies.DiffPolicies(pb.DiffPoliciesRequest(policy=policy))
    missing = [each for each in diff.to_acknowledge if each not in meant]
    if missing:
        names = [Dimension(each).name for each in missing]
        raise InvalidValueError(
            "acknowledge",
            ", ".join(Dimension(each).name for each in meant) or "nothing",
            f"{', '.join(names)} too: the policy opens more than one step may",
        )
    created = client.policies.CreatePolicy(
        pb.CreatePolicyRequest(policy=policy, request_id=request_id())
    )
    version = created.policy.version
    client.policies.ActivatePolicy(
        pb.ActivatePolicyRequest(
            version=version,
            request_id=request_id(),
            acknowledged_dimensions=meant,
            sign_offs=[
                program_pb2.SignOff(item=item, name=signed_off_by)
                for item in program_pb2.SignOffItem.values()[1:]
            ],
        )
    )
    return version


def _load_table(
    client: Client,
    to: str,
    path: Path,
    kind: Kind,
    of_kind: Mapping[Kind, TableMapping],
    batch_size: int,
    progress: Progress,
) -> int:
    mapping = of_kind.get(kind)
    table = open_table(path)
    others = [Path(mapping.place)] if mapping is not None else []
    checkpoint = Checkpoint(path, kind, to, others)
    rejected = RejectedWriter(
        path, kind, table.columns, keep_bytes=checkpoint.rejected_bytes
    )
    task = progress.add_task(path.name, total=table.row_count)
    done = checkpoint.rows_done
    if done:
        progress.console.print(f"{path.name}: goes on after row {done:,}")

    def note(number: int, _: LoadResult) -> None:
        progress.update(task, completed=number)

    loader = TableLoader(client, kind, rejected, checkpoint, note)
    if kind in COLUMN_KINDS:
        rows = read_named(table, kind, mapping, rows_done=done)
        result = ColumnLoader(client, kind, loader).load(rows, batch_size)
    else:
        entries = read_entries(table, kind, mapping, rows_done=done)
        result = loader.load(entries, batch_size)
    where = f" (see {rejected.path})" if result.rejected_count else ""
    progress.console.print(
        f"{path.name}: {result.loaded_count:,} loaded, "
        f"{result.rejected_count:,} rejected{where}"
    )
    return result.rejected_count
