"""What the soak takes for a failure."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from benchmarks.load.clients import Connection, Tally
from benchmarks.soak import Memory, Soak, broken_limits, described, unexpected


def fine() -> Soak:
    """A soak in which all is as it must be."""

    def answered(**statuses: int) -> Tally:
        return Tally(Counter({int(name[1:]): count for name, count in statuses.items()}))

    others = {name: Tally(closed=3) for name in ("slow readers", "silent", "vanishing")}
    others |= {"trickling": Tally(Counter({408: 2}), closed=2), "too large": answered(_413=4)}
    return Soak(
        seconds=10.0,
        memory=Memory(500_000_000, 530_000_000, 560_000_000, 540_000_000),
        calm=Tally(Counter({200: 100}), [0.01] * 100),
        crowd=Tally(Counter({200: 1_000}), [0.2] * 1_000, refusals=[0.01] * 50),
        raising=answered(_500=10, _503=4),
        greedy=answered(_503=9),
        innocent=answered(_200=20, _503=4),
        hung=[504, 503, 200],
        others=others,
        ended_in=2.0,
        status=-signal.SIGTERM,
    )


def test_nothing_is_wrong() -> None:
    found = fine()
    assert broken_limits(found) == []
    assert "| 64, and all those below | 100 | 200.0 / 200.0 | 5 |" in described(found)


def lose(found: Soak) -> None:
    found.ending.lost = 1


def leak(found: Soak) -> None:
    found.memory.after = 700_000_000


def leak_slowly(found: Soak) -> None:
    found.memory.after = 600_000_000


def answer_wrongly(found: Soak) -> None:
    found.crowd.wrong["500: "] = 1


def hang_for_ever(found: Soak) -> None:
    found.hung.pop()


def wait_long(found: Soak) -> None:
    found.crowd.latencies[:20] = [30.0] * 20


def let_slow_readers_be(found: Soak) -> None:
    found.others["slow readers"].closed = 0


def kill(found: Soak) -> None:
    found.status = -signal.SIGKILL


def log(found: Soak) -> None:
    found.output = json.dumps({"logger": "uvicorn.error", "message": "Exception in ASGI"})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lose, "1 requests lost"),
        (leak, "memory grew from"),
        (leak_slowly, "memory grew on from"),
        (answer_wrongly, "crowd"),
        (hang_for_ever, "the network that hangs"),
        (wait_long, "1 in 100 waited"),
        (let_slow_readers_be, "slow readers: none was sent away"),
        (kill, "it ended with -9"),
        (log, "in the log: Exception in ASGI"),
    ],
)
def test_each_limit(spoil: Callable[[Soak], None], said: str) -> None:
    found = fine()
    spoil(found)
    [wrong] = broken_limits(found)
    assert said in wrong


def test_what_the_networks_were_asked_to_do_is_expected_in_the_log() -> None:
    asked = {"logger": "server.services.lane", "message": "raising failed", "exception": "Trace"}
    assert unexpected(f"doodlescope is ready\n{json.dumps(asked)}\n") == []


def test_a_connection_that_was_never_made_can_be_closed() -> None:
    Connection(1).close()
