"""A call of a server from the command line, its refusals in our own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, ResourceInfo

from matcher.domain.errors import (
    FieldViolation,
    InvalidValueError,
    NearturnError,
    NotFoundError,
    UnavailableError,
)
from nearturn import Client, error_details
from server.cli.connection import connect


@contextmanager
def calling(server: str) -> Iterator[Client]:
    """
    Open a connection for a call.

    Raises
    ------
    NotFoundError
        If the server does not know what it was asked about.
    InvalidValueError
        If it does not accept a value; the first of them.
    UnavailableError
        If it cannot be reached or cannot answer.
    """
    with connect(server) as client:
        try:
            yield client
        except grpc.RpcError as error:
            raise _ours(server, error) from error


def _ours(server: str, error: grpc.RpcError) -> NearturnError:
    # As the server raised it, where its details say so.
    code = error.code()
    for detail in error_details(error):
        if isinstance(detail, ResourceInfo) and code is grpc.StatusCode.NOT_FOUND:
            return NotFoundError(detail.resource_type, detail.resource_name)
        if isinstance(detail, ErrorInfo) and code is grpc.StatusCode.INVALID_ARGUMENT:
            first = detail.metadata
            return InvalidValueError.of(
                [FieldViolation(first["field"], first["value"], first["accepted"])]
            )
    return UnavailableError(f"{server}: {code.name}: {error.details() or ''}")
