"""Logs: configured once, before the server has any thread."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.types import Processor


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
    is_json = style == "json"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _tracebacks()
        if is_json
        else structlog.processors.ExceptionPrettyPrinter(sys.stderr),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    _take_foreign(number, shared, renderer)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _take_foreign(level: int, shared: list[Processor], renderer: Processor) -> None:
    # What libraries log by the standard library's loggers gets the same form.
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _tracebacks() -> Processor:
    # Without the values of variables: a request is one, and so is a place or a key.
    transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return structlog.processors.ExceptionRenderer(transformer)
