"""Logs: configured once, before the server has any thread."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(*, level: str, style: str) -> None:
    """
    Set up structured logs on standard error.

    Call it once, before the gRPC server exists: configuring logging again while
    asynchronous calls run can deadlock in grpcio.

    Parameters
    ----------
    level
        Least level: debug, info, warning or error.
    style
        ``json`` for one object a line, ``console`` for people.
    """
    number = getattr(logging, level.upper())
    logging.basicConfig(stream=sys.stderr, level=number, format="%(message)s")
    is_json = style == "json"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.dict_tracebacks
            if is_json
            else structlog.processors.ExceptionPrettyPrinter(),
            structlog.processors.JSONRenderer()
            if is_json
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
