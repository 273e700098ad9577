"""What a model prints while it is traced is printed once."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from torch import Tensor, nn

from server.engine.printing import held_printing
from server.engine.trace import ForwardFailed, trace_model
from tests.support.broken import Calling

SHAPE = (1, 3, 8, 8)


@pytest.mark.parametrize("needs_values", [False, True])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_a_model_prints_once(
    needs_values: bool, fails: bool, keep: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        print("shape", tuple(x.shape))
        print("careful", file=sys.stderr)
        if needs_values and bool(x.mean() < 0):
            return x
        result: Tensor = self.head(x)
        return result

    model = Calling(forward, head=nn.Linear(9 if fails else 8, 2))
    before = sys.stdout, sys.stderr
    if fails:
        with pytest.raises(ForwardFailed) as info:
            trace_model(model, SHAPE, keep=keep)
    else:
        trace_model(model, SHAPE, keep=keep)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("shape (1, 3, 8, 8)\n", "careful\n")
    if fails:
        assert info.value.diagnosis.repairs
        assert capsys.readouterr().out == "", "the doctor's runs are quiet"
    assert (sys.stdout, sys.stderr) == before


def test_printing_of_other_threads_is_not_held(capsys: pytest.CaptureFixture[str]) -> None:
    with held_printing() as held:
        print("mine")
        other = threading.Thread(target=print, args=("theirs",))
        other.start()
        other.join()
        assert capsys.readouterr().out == "theirs\n"
        with held_printing():
            print("dropped")
    assert capsys.readouterr().out == ""
    held.release()
    assert capsys.readouterr().out == "mine\n"


def test_what_was_printed_before_an_interrupt_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    def forward(_: Any, x: Tensor) -> Tensor:
        print("before")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace_model(Calling(forward), SHAPE)
    assert capsys.readouterr().out == "before\n"
