"""Forms of one model tried against eager PyTorch: each must give the same, and one is chosen.

A trial is a series of turns, each about as long as one batch, so that a server can answer between
two of them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from server.engine.forms.exactness import largest_difference, limit_for
from server.engine.forms.form import Batch, FormName, Values

CHECKED = (1, 2, 3, 64)
"""Sizes of the batches on which a form must give the same: one, some, odd, and a full one."""

TIMED = (1, 8, 64)
"""Sizes that count for the choice: one client; several; as many as a batch takes."""

SECONDS = 0.5
"""Of timing, of all forms and sizes together; about."""

MOST_ROUNDS = 11
FEWEST_ROUNDS = 3

LONGEST = 0.25
"""Seconds: sizes whose batch takes longer in eager PyTorch are left out."""

WORTH = 0.95
"""A form that takes more than this share of eager PyTorch's time is not worth a change."""


@dataclass(frozen=True)
class Figures:
    """What the trial of one form showed."""

    form: FormName
    seconds: Mapping[int, float]
    """The median for a batch, by its size; none where it was refused."""
    difference: float
    """Largest difference of a logit from eager PyTorch."""
    refusal: str = ""
    """Why it is no form of the model; "" where it is one."""


@dataclass(frozen=True)
class Choice:
    """The form that answers, and why."""

    form: FormName
    figures: Sequence[Figures]
    """Of all that were tried, eager PyTorch first."""
    reason: str

    def of(self, form: FormName) -> Figures:
        """The figures of a form."""
        return next(each for each in self.figures if each.form == form)


class Trial:
    """Checks and times the forms of one model.

    Args:
        forms: by name, the one that is right first: eager PyTorch. All take the same batches.
        inputs: (N, channels, height, width), N at least 2: what the model is asked about. Batches
            are taken from each.
        clock: seconds; of the thread where forms run in it.
        timed: whether to time; else the last form that is exact is chosen.
    """

    def __init__(
        self,
        forms: Mapping[FormName, Callable[[Batch], Values]],
        inputs: Sequence[Batch],
        clock: Callable[[], float],
        *,
        timed: bool = True,
    ) -> None:
        self._forms = dict(forms)
        self._inputs = inputs
        self._clock = clock
        self._timed = timed
        self._right = next(iter(self._forms))
        self._refusals: dict[FormName, str] = {}
        self._differences: dict[FormName, float] = dict.fromkeys(self._forms, 0.0)
        self._one = math.inf
        self._times: dict[FormName, dict[int, list[float]]] = {form: {} for form in self._forms}

    def turns(self) -> Iterator[Callable[[], None]]:
        """What to call, in order; the choice is ready after the last."""
        for number, batch in enumerate(self._inputs):
            for size in CHECKED:
                # A second image shows whether the first was taken for all, so it is always tried.
                if self._affordable(size) or (size == 2 and number == 0):
                    yield from self._check(batch[-1:] if size == 1 else batch[:size])
        yield lambda: self._is_itself()
        if not self._timed or len(self._left) < 2:
            return
        sizes = [size for size in TIMED if self._affordable(size)]
        for size in sizes:
            rounds = self._rounds(size, len(sizes))
            for _ in range(rounds):
                for form in self._left:
                    yield lambda form=form, size=size: self._time(form, size)  # type: ignore[misc]

    def choice(self) -> Choice:
        """What the turns came to."""
        figures = [
            Figures(
                form,
                {
                    size: statistics.median(times)
                    for size, times in self._times[form].items()
                    if form not in self._refusals
                },
                self._differences[form],
                self._refusals.get(form, ""),
            )
            for form in self._forms
        ]
        if not self._timed:
            form = self._left[-1]
            return Choice(form, figures, "it was asked for" if form != self._right else "none else")
        shares = {
            each.form: _share(each.seconds, figures[0].seconds)
            for each in figures[1:]
            if not each.refusal
        }
        if not shares:
            return Choice(self._right, figures, "there is no other form of it")
        best = min(shares, key=shares.__getitem__)
        share = shares[best]
        if share > WORTH:
            return Choice(
                self._right, figures, f"{best} takes {share:.0%} of its time, too much for a change"
            )
        return Choice(best, figures, f"it takes {share:.0%} of eager's time")

    @property
    def _left(self) -> list[FormName]:
        return [form for form in self._forms if form not in self._refusals]

    def _affordable(self, size: int) -> bool:
        """Whether to try a size; one image always."""
        return size == 1 or (size <= len(self._inputs[0]) and self._one * size <= LONGEST)

    def _rounds(self, size: int, sizes: int) -> int:
        once = self._one * size * len(self._left)
        wanted = SECONDS / sizes / max(once, 1e-9)
        return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(wanted)))

    def _check(self, batch: Batch) -> Iterator[Callable[[], None]]:
        """Eager PyTorch in a turn of its own, then each form."""
        kept: list[Values] = []

        def right() -> None:
            begun = self._clock()
            kept.append(self._forms[self._right](batch))
            self._one = min(self._one, (self._clock() - begun) / len(batch))

        def other(form: FormName) -> None:
            try:
                values = self._forms[form](batch)
            except Exception as error:
                self._refusals[form] = f"it failed: {type(error).__name__}: {error}"
                return
            difference = largest_difference(values, kept[0])
            self._differences[form] = max(difference, self._differences[form])
            if not difference <= limit_for(kept[0]):
                self._refusals[form] = (
                    f"it differs by {difference:.1e} for a batch of {len(batch)}; "
                    f"the limit is {limit_for(kept[0]):.1e}"
                )

        yield right
        for form in self._left[1:]:
            yield lambda form=form: other(form)  # type: ignore[misc]

    def _is_itself(self) -> None:
        """Refuse all forms of a model that does not give the same for the same input."""
        batch = self._inputs[0][:2]
        first, second = (self._forms[self._right](batch) for _ in range(2))
        if not np.array_equal(first, second):
            for form in self._left[1:]:
                self._refusals[form] = "the model itself gives something else each time"

    def _time(self, form: FormName, size: int) -> None:
        batch = self._inputs[0][:size]
        begun = self._clock()
        self._forms[form](batch)
        self._times[form].setdefault(size, []).append(self._clock() - begun)


def _share(seconds: Mapping[int, float], eager: Mapping[int, float]) -> float:
    """The geometric mean over the sizes of what one takes, as a share of what eager takes.

    Each size counts alike: one client waits for batches of one, many fill them, and a server meets
    both on one day.
    """
    logs = [math.log(max(seconds[size], 1e-9) / max(eager[size], 1e-9)) for size in eager]
    return math.exp(statistics.fmean(logs)) if logs else 1.0
