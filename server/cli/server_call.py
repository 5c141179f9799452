"""A call of a server from the command line, its refusals in our own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from matcher.domain.errors import (
    FieldViolation,
    InvalidValueError,
    UnavailableError,
)
from nearturn import Client


@contextmanager
def calling(server: str) -> Iterator[Client]:
    """
    Open a connection for a call.

    Raises
    ------
    InvalidValueError
        If the server does not know, or does not accept, what it was asked.
    UnavailableError
        If it cannot be reached or cannot answer.
    """
    with Client(server) as client:
        try:
            yield client
        except grpc.RpcError as error:
            code, text = error.code(), error.details() or ""
            if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND):
                violation = FieldViolation(server, text, "what the server knows")
                raise InvalidValueError.of([violation]) from error
            raise UnavailableError(f"{server}: {code.name}: {text}") from error
