"""`nearturn erase`: erase personal data on a running server."""

from __future__ import annotations

from typing import Annotated

import typer


def erase(
    server: Annotated[
        str, typer.Option(help="HOST:PORT of the server.")
    ] = "127.0.0.1:50551",
    customer: Annotated[
        str, typer.Option(help="A customer, all of whose returns are meant.")
    ] = "",
    return_id: Annotated[
        list[str] | None, typer.Option(help="A return; once for each.")
    ] = None,
    demand_id: Annotated[
        list[str] | None, typer.Option(help="A demand; once for each.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for the log; no personal data.")] = "",
) -> None:
    """
    Erase the personal data of returns and demands whose route is final.

    All or none: a row that is still live is refused. docs/RETENTION.md says what is
    erased where, and what stays.

    Example: nearturn erase --customer c-4711 --demand-id o-99-1 --note "ticket 7"
    """
    import grpc  # noqa: PLC0415 - slow to import, as the rest

    from matcher.domain.errors import UnavailableError  # noqa: PLC0415
    from nearturn.v1 import privacy_service_pb2 as pb  # noqa: PLC0415
    from server.cli.connection import connect  # noqa: PLC0415

    request = pb.ErasePersonalDataRequest(
        customer_id=customer,
        return_ids=return_id or (),
        demand_ids=demand_id or (),
        note=note,
    )
    with connect(server) as client:
        try:
            done = client.privacy.ErasePersonalData(request)
        except grpc.RpcError as error:
            raise UnavailableError(f"server {server}: {error.details()}") from error
    typer.echo(f"erased: {done.return_count:,} returns, {done.demand_count:,} demands")
