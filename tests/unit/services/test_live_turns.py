"""Who is answered how often: two hundred drawers on a lane whose runs have known costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from server.schemas.live import Begin
from server.schemas.predictions import Guess, Prediction
from server.services.catalog import Catalog, Model, load_catalog
from server.services.drawings import read_drawing
from server.services.inference import Question
from server.services.inspections import Inspections, InspectionStore
from server.services.lane import Lane, Visit
from server.services.live_drawing import LiveDrawing
from server.services.live_session import LiveSession, Seat, Watched
from server.services.live_shares import Kind
from server.services.live_turns import Turns
from server.services.model_inputs import of_drawing
from server.settings import Settings
from tests.support.drawings import HOUSE
from tests.unit.services.test_live_shares import TimedLane

BATCH = 32
WATCHED = Watched(("c1", "s2.add"))
BATCH_COSTS, EACH_COSTS, INSPECTION_COSTS = 1.0, 0.5, 9.0


class Costs(TimedLane):
    """A lane, and all that runs on it."""

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.kept = kept
        self.batches: list[int] = []

    async def predict(
        self, questions: list[Question], visited: Callable[[Visit], None]
    ) -> list[Prediction]:
        self.batches.append(len(questions))
        visited(await self.run("guesses", BATCH_COSTS + EACH_COSTS * len(questions)))
        guess = Guess(label="cat", probability=1.0, logit=9.0)
        return [Prediction(model="lenet-5", version="1", predictions=[guess])] * len(questions)

    async def forward(
        self, run: Callable[[], Any], model: Model, visited: Callable[[Visit], None]
    ) -> None:
        visited(await self.run("layers", INSPECTION_COSTS))

    async def create(self, model: Model, prepared: Any, forward: Any) -> tuple[Any, bool]:
        await forward(None, model)
        return self.kept, True


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog("lenet-5", "cpu", BATCH)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def kept(catalog: Catalog) -> Any:
    """One real inspection, which stands for all."""

    async def made() -> Any:
        lane = Lane(batch_images=BATCH, queued_images=100)
        lane.start()
        model = catalog.default
        drawn = of_drawing(model, read_drawing(HOUSE, "", Settings()), "")
        kept, _ = await Inspections(lane, InspectionStore(10**8)).create(model, drawn)
        await lane.close()
        return kept

    return asyncio.run(made())


class Drawers:
    """Drawers whose drawing has changed again whenever they hear of it."""

    def __init__(self, turns: Turns, guessing: int, watching: int) -> None:
        self.turns = turns
        self.answers: dict[Kind, Counter[int]] = {"guesses": Counter(), "layers": Counter()}
        self.newest: Counter[tuple[Kind, int]] = Counter()
        self.seats = [self._seat(number < watching) for number in range(watching + guessing)]

    def _seat(self, watches: bool) -> Seat:
        drawing = LiveDrawing().changed([Begin(change="begin", x=[1, 9], y=[1, 5])], Settings())
        session = LiveSession("", "", "lenet-5", 1, drawing, 1)
        session.watched = WATCHED if watches else Watched()
        return Seat(session, lambda: None)

    async def draw(self, number: int) -> None:
        seat = self.seats[number]
        self.turns.ask(seat)
        while True:
            answer = await seat.answer()
            assert answer.problem is None
            assert answer.sequence > self.newest[answer.kind, number], "never an older one"
            self.newest[answer.kind, number] = answer.sequence
            self.answers[answer.kind][number] += 1
            self.turns.finished(seat, answer)
            seat.session.sequence += 1
            self.turns.ask(seat)


def drawn(
    catalog: Catalog, kept: Any, guessing: int, watching: int, time: float
) -> tuple[Costs, Drawers]:
    """What drawers heard in so much time of the lane."""

    async def current(model: Model) -> Model:
        return model

    async def scenario() -> tuple[Costs, Drawers]:
        costs = Costs(kept)
        turns = Turns(
            catalog=catalog,
            lane=costs,  # type: ignore[arg-type]
            inference=costs,  # type: ignore[arg-type]
            inspections=costs,  # type: ignore[arg-type]
            current=current,
            batch_images=BATCH,
            observer=lambda *_: None,
        )
        drawers = Drawers(turns, guessing, watching)
        turns.start()
        tasks = [asyncio.create_task(drawers.draw(n)) for n in range(len(drawers.seats))]
        while costs.now < time:
            await asyncio.sleep(0)
            assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await turns.close()
        return costs, drawers

    return asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """No threads: what they do here takes no time of the lane's clock."""

    async def at_once(function: Callable[..., Any], *given: Any) -> Any:
        return function(*given)

    monkeypatch.setattr("server.services.live_turns.asyncio.to_thread", at_once)


def test_watchers_among_many_have_their_half_and_everybody_the_same_guesses(
    catalog: Catalog, kept: Any
) -> None:
    costs, drawers = drawn(catalog, kept, guessing=180, watching=20, time=3_000)
    assert costs.had("layers") == pytest.approx(costs.now / 2, rel=0.03)
    guesses = [drawers.answers["guesses"][number] for number in range(200)]
    layers = [drawers.answers["layers"][number] for number in range(20)]
    assert max(guesses) - min(guesses) <= 2
    assert max(layers) - min(layers) <= 1
    assert min(layers) >= 0.95 * 3_000 / 2 / INSPECTION_COSTS / 20
    assert sum(costs.batches[1:-1]) == BATCH * len(costs.batches[1:-1]), "batches are full"


def test_one_watcher_among_many_has_what_it_can_take(catalog: Catalog, kept: Any) -> None:
    _, drawers = drawn(catalog, kept, guessing=100, watching=1, time=2_000)
    (layers,) = drawers.answers["layers"].values()
    guesses = drawers.answers["guesses"]
    assert layers >= 2_000 / (INSPECTION_COSTS + 3 * (BATCH_COSTS + BATCH * EACH_COSTS))
    assert max(guesses.values()) - min(guesses.values()) <= 2


def test_watchers_alone_hear_guesses_first(catalog: Catalog, kept: Any) -> None:
    costs, drawers = drawn(catalog, kept, guessing=0, watching=20, time=2_000)
    layers = drawers.answers["layers"].values()
    assert len(layers) == 20
    assert max(layers) - min(layers) <= 1
    assert min(drawers.answers["guesses"].values()) >= max(layers)
    assert costs.had("layers") >= 0.45 * costs.now


def test_a_lane_without_watchers_is_all_for_guesses(catalog: Catalog, kept: Any) -> None:
    costs, drawers = drawn(catalog, kept, guessing=100, watching=0, time=1_000)
    assert costs.had("layers") == 0
    assert costs.had("guesses") == costs.now
    assert not drawers.answers["layers"]
