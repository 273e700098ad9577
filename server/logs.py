"""The log: lines of text or of JSON, each with the id of the request that it belongs to."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

from server.errors import shorten
from server.observation import Exchange, current_request_id

LogFormat = Literal["text", "json"]

ACCESS = logging.getLogger("doodlescope.access")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})
_FILES = "/static/"


def configure_logs(format: LogFormat, level: str) -> None:
    """Write the log of everything in this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What these say of their own work is not what the server does.
    for quiet in ("asyncio", "urllib3", "numba", "PIL"):
        logging.getLogger(quiet).setLevel(max(logging.WARNING, logging.root.level))


def is_probe(path: str) -> bool:
    """Whether a path is asked again and again by machines, or is a static file's."""
    return path in _PROBES or path.startswith(_FILES)


def log_access(exchange: Exchange) -> None:
    """A line for one request; its headers, query and body are not in it, nor any key."""
    if not ACCESS.isEnabledFor(logging.INFO):  # nor for less
        return
    unnoted = is_probe(exchange.path) and exchange.status < 400
    level = logging.DEBUG if unnoted else logging.INFO
    if not ACCESS.isEnabledFor(level):
        return
    ACCESS.log(
        level,
        "%s %s %d in %.1f ms",
        exchange.method,
        printable(exchange.path),
        exchange.status,
        exchange.seconds * 1000,
        extra={
            "members": {
                "method": exchange.method,
                "path": shorten(exchange.path),
                "route": exchange.route,
                "status": exchange.status,
                "duration_ms": round(exchange.seconds * 1000, 3),
                "bytes": exchange.body_bytes,
                "client": exchange.client,
                **({"key": exchange.caller} if exchange.caller else {}),
            },
        },
    )


def printable(text: str) -> str:
    """A stranger's text, shortened, in one line: what does not print is escaped."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in shorten(text)
    )


class TextLines(logging.Formatter):
    """``time LEVEL logger [request id] message``, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it the traceback of an exception."""
        request_id = current_request_id.get()
        mark = f" [{request_id}]" if request_id else ""
        line = f"{_time(record)} {record.levelname} {record.name}{mark} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonLines(logging.Formatter):
    """One JSON object a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """The object: time, level, logger, message, request_id, exception, and what it is about."""
        members: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id.get():
            members["request_id"] = request_id
        members.update(getattr(record, "members", {}))
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members, default=str)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
