"""Structured logs: one JSON line an entry on standard output, never personal data.

Only ids, kinds, counts and names of errors are logged; a test puts canaries in at registration and
looks for them here.
"""

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from shared.observability import journey


def _where_it_failed(_: Any, __: str, entry: EventDict) -> EventDict:
    """Puts the error's type and the places it passed in place of the traceback.

    Neither the error's words nor any variable: both may quote what a person wrote.
    """
    told = entry.pop("exc_info", None)
    if not told:
        return entry
    error = sys.exc_info()[1] if told is True else (told[1] if isinstance(told, tuple) else told)
    if isinstance(error, BaseException):
        entry["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        entry["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return entry


def _whose_journey(_: Any, __: str, entry: EventDict) -> EventDict:
    """Names the journey that the work at hand belongs to: what the logs of all services have in common."""
    return {**journey.described(), **entry}


def set_up_logs(service: str, instance: str) -> None:
    """Sets structlog, and the standard library's logging, to JSON lines that name the service."""

    def whose_process(_: Any, __: str, entry: EventDict) -> EventDict:
        """Not by a context variable: a thread of its own would know nothing of it."""
        return {"service": service, "instance": instance, **entry}

    of_every_line: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        whose_process,
        _whose_journey,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *of_every_line,
            _where_it_failed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=of_every_line,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _where_it_failed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
