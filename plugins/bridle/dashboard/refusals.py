"""Bridle's own errors as answers of the web application."""

import logging

from fastapi import FastAPI, Request
from sqlalchemy.exc import DataError
from starlette.responses import JSONResponse, Response

from bridle.errors import (
    BridleError,
    ConfigError,
    CredentialError,
    Halted,
    InvalidInput,
    LedgerUnavailable,
    Transient,
)

_log = logging.getLogger(__name__)

STATUS: tuple[tuple[type[BridleError], int], ...] = (
    (Transient, 503),
    (CredentialError, 503),  # of this installation, nothing that the user gave
    (ConfigError, 503),
    (InvalidInput, 400),
    (Halted, 409),
    (BridleError, 500),
)
"""The first that fits."""


def install(app: FastAPI) -> None:
    """Answer errors of `bridle.errors` with what they say: what was wrong, where, what to do."""
    app.add_exception_handler(BridleError, _answer)
    app.add_exception_handler(LedgerUnavailable, _away)
    app.add_exception_handler(DataError, _unreadable)


def _away(_request: Request, error: Exception) -> Response:
    """Where the ledger is, is for the log: who looks on wants to know of the work."""
    _log.warning("%s", error)
    told = (
        "The ledger cannot be reached: its PostgreSQL does not answer. Sessions at work lose nothing: what "
        "they do is kept on their disk meanwhile, and no further model is called."
    )
    return JSONResponse({"detail": told}, 503)


def _unreadable(_request: Request, _error: Exception) -> Response:
    told = "a value cannot be looked for in the database: it holds a zero character, or no such date"
    return JSONResponse({"detail": told}, 400)


def _answer(_request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status)
