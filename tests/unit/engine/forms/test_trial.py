"""Trials of forms: the wrong ones are refused, and the fastest is chosen, by a clock of ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from server.engine.forms.form import Batch, FormName, Values
from server.engine.forms.trial import CHECKED, FEWEST_ROUNDS, LONGEST, MOST_ROUNDS, Choice, Trial

WEIGHTS = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
INPUTS = [np.random.default_rng(n).random((64, 1, 2, 2), dtype=np.float32) for n in range(3)]


class Clock:
    """Stands still, but for what forms say that they take."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sizes: list[tuple[FormName, int]] = []

    def __call__(self) -> float:
        return self.now

    def form(
        self, name: FormName, image: float, call: float = 0.0, error: float = 0.0
    ) -> Callable[[Batch], Values]:
        """One that takes so many seconds, and is wrong by so much."""

        def run(batch: Batch) -> Values:
            self.now += call + image * len(batch)
            self.sizes.append((name, len(batch)))
            return batch.reshape(len(batch), 4) @ WEIGHTS + np.float32(error)

        return run


def tried(trial: Trial) -> Choice:
    for turn in trial.turns():
        turn()
    return trial.choice()


def two(clock: Clock, other: Callable[[Batch], Values], **options: bool) -> Choice:
    forms: dict[FormName, Callable[[Batch], Values]] = {
        "eager": clock.form("eager", 1e-3),
        "onnxruntime": other,
    }
    return tried(Trial(forms, INPUTS, clock, **options))


def test_what_is_faster_is_chosen_with_the_medians() -> None:
    clock = Clock()
    choice = two(clock, clock.form("onnxruntime", 0.4e-3, call=0.1e-3))
    assert choice.form == "onnxruntime"
    eager, other = choice.figures
    assert eager.seconds == pytest.approx({1: 1e-3, 8: 8e-3, 64: 64e-3})
    assert other.seconds == pytest.approx({1: 0.5e-3, 8: 3.3e-3, 64: 25.7e-3})
    share = (0.5 * 3.3 / 8 * 25.7 / 64) ** (1 / 3)
    assert choice.reason == f"it takes {share:.0%} of eager's time"


@pytest.mark.parametrize("image", [0.97e-3, 1e-3, 2e-3])
def test_what_is_not_worth_a_change_is_not_chosen(image: float) -> None:
    clock = Clock()
    choice = two(clock, clock.form("onnxruntime", image))
    assert choice.form == "eager"
    assert "too much for a change" in choice.reason


def test_sizes_count_alike() -> None:
    """Four times as fast for one image, and a little slower for many, is faster."""
    clock = Clock()
    forms: dict[FormName, Callable[[Batch], Values]] = {
        "eager": clock.form("eager", 1e-3, call=4e-3),
        "onnxruntime": clock.form("onnxruntime", 1.1e-3, call=0.1e-3),
    }
    choice = tried(Trial(forms, INPUTS, clock))
    eager, other = (each.seconds for each in choice.figures)
    assert other[1] < eager[1]
    assert other[64] > eager[64]
    assert choice.form == "onnxruntime"


@pytest.mark.parametrize("error", [1.1e-4, -0.5, float("nan"), float("inf")])
def test_a_form_that_is_wrong_is_refused_however_fast(error: float) -> None:
    clock = Clock()
    choice = two(clock, clock.form("onnxruntime", 1e-9, error=error))
    assert choice.form == "eager"
    refused = choice.of("onnxruntime")
    assert "differs by" in refused.refusal
    assert not refused.seconds


def test_a_form_within_the_limit_is_taken() -> None:
    clock = Clock()
    choice = two(clock, clock.form("onnxruntime", 1e-4, error=0.9e-4))
    assert choice.form == "onnxruntime"
    assert choice.of("onnxruntime").difference == pytest.approx(0.9e-4, rel=0.01)


@pytest.mark.parametrize("size", CHECKED)
def test_a_form_that_is_wrong_for_one_size_is_refused(size: int) -> None:
    clock = Clock()
    right = clock.form("onnxruntime", 1e-6)

    def wrong(batch: Batch) -> Values:
        return right(batch) + np.float32(len(batch) == size)

    assert f"a batch of {size};" in two(clock, wrong).of("onnxruntime").refusal


def test_a_form_that_gives_one_answer_for_all_is_refused() -> None:
    clock = Clock()
    right = clock.form("onnxruntime", 1e-6)
    choice = two(clock, lambda batch: np.repeat(right(batch[:1]), len(batch), axis=0))
    assert choice.of("onnxruntime").refusal


def test_a_form_that_fails_is_refused() -> None:
    def fails(batch: Batch) -> Values:
        raise RuntimeError("no memory")

    choice = two(Clock(), fails)
    assert choice.form == "eager"
    assert choice.of("onnxruntime").refusal == "it failed: RuntimeError: no memory"


def test_a_model_that_draws_random_numbers_has_no_other_form() -> None:
    clock = Clock()
    random = np.random.default_rng(0)
    exact = clock.form("eager", 1e-3)

    def noisy(batch: Batch) -> Values:
        return exact(batch) + np.float32(random.normal() * 1e-6)

    choice = tried(Trial({"eager": noisy, "onnxruntime": exact}, INPUTS, clock))
    assert choice.form == "eager"
    assert "something else each time" in choice.of("onnxruntime").refusal


def test_without_timing_the_form_that_was_asked_for_is_taken_where_it_is_exact() -> None:
    clock = Clock()
    assert two(clock, clock.form("onnxruntime", 5.0), timed=False).form == "onnxruntime"
    assert two(clock, clock.form("onnxruntime", 0.0, error=1.0), timed=False).form == "eager"


def test_a_slow_model_is_tried_on_few_images() -> None:
    clock = Clock()
    forms: dict[FormName, Callable[[Batch], Values]] = {
        "eager": clock.form("eager", LONGEST),
        "onnxruntime": clock.form("onnxruntime", LONGEST / 2),
    }
    choice = tried(Trial(forms, INPUTS, clock))
    assert choice.form == "onnxruntime"
    images = [size for form, size in clock.sizes if form == "eager"]
    assert max(images) == 2
    assert sum(images) <= 10 + FEWEST_ROUNDS


def test_a_quick_model_takes_so_many_rounds_and_no_more() -> None:
    clock = Clock()
    two(clock, clock.form("onnxruntime", 1e-9))
    eights = [size for form, size in clock.sizes if (form, size) == ("eager", 8)]
    assert FEWEST_ROUNDS <= len(eights) <= MOST_ROUNDS
