"""What tests of live sessions share: keys, drawings point by point, waiting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from fastapi import FastAPI

from server.services.live import Live
from tests.api.test_lifecycle import Gated
from tests.support.drawings import SUN
from tests.support.sockets import PATIENCE, Drawer

KEY = "alice-0123456789abcdef"
SITE = "https://lab.example"
DOT = {"change": "begin", "x": [3], "y": [4]}


def posted(address: str, path: str, drawing: Any, **members: Any) -> dict[str, Any]:
    answer = httpx.post(
        f"http://{address}/api/v1/{path}", json={"drawing": drawing, **members}, timeout=PATIENCE
    )
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def changes_of(drawing: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """The changes that draw a drawing point by point, each with the drawing after it."""
    done: list[Any] = []
    for xs, ys in drawing:
        done.append([[], []])
        for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
            done[-1][0].append(x)
            done[-1][1].append(y)
            change = "extend" if number else "begin"
            yield {"change": change, "x": [x], "y": [y]}, json.loads(json.dumps(done))
        yield {"change": "end"}, json.loads(json.dumps(done))


def hold(module: Gated, client: Drawer) -> int:
    """A state that occupies the network until the gate opens."""
    module.gate.clear()
    module.entered.clear()
    sequence = client.replace(SUN)
    assert module.entered.wait(PATIENCE)
    return sequence


def session_states(app: FastAPI) -> list[int]:
    live: Live = app.state.live
    return [seat.session.sequence for seat, _ in list(live._seated.values())]
