"""Teachers: what they say is what PyTorch computes, and a run learns it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models import ARCHITECTURES
from server.training.dataset import TrainingData, load_training_data
from server.training.distillation import Teachers, distillation_loss
from server.training.loop import Configuration, Progress, TrainingRun
from tests.unit.training.data import write_training_data

CPU = torch.device("cpu")
TAUGHT = Configuration(
    model="multilayer-perceptron", steps=4, batch_size=16, teachers=("one",), taught=1.0
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(write_training_data(tmp_path_factory.mktemp("data")), seed=0)


def quiet(progress: Progress) -> None:
    """Report to nobody."""


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return ARCHITECTURES["multilayer-perceptron"]()


def test_teachers_log_probabilities_are_weighted_and_normalised() -> None:
    first, second, images = network(1), network(2), torch.rand(5, 1, 28, 28)
    said = Teachers([(first, 0.7), (second, 0.4)], CPU).log_probabilities(images)
    with torch.no_grad():
        product = first(images).softmax(1) ** 0.7 * second(images).softmax(1) ** 0.4
    expected = product / product.sum(1, keepdim=True)
    assert torch.allclose(said.exp(), expected, rtol=1e-4, atol=1e-8)
    assert not said.requires_grad
    assert not first.training


def test_a_teacher_alone_with_factor_one_says_its_own_probabilities() -> None:
    alone, images = network(3), torch.rand(2, 1, 28, 28)
    said = Teachers([(alone, 1.0)], CPU).log_probabilities(images)
    with torch.no_grad():
        assert torch.allclose(said, alone(images).log_softmax(1), atol=1e-5)


def test_loss_is_the_divergence_and_what_cannot_be_learned() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, teachers = torch.randn(2, 6, 9, generator=generator)
    divergence = nn.functional.kl_div(
        logits.log_softmax(1), teachers.log_softmax(1), reduction="batchmean", log_target=True
    )
    entropy = torch.special.entr(teachers.softmax(1)).sum(1).mean()
    assert distillation_loss(logits, teachers) == pytest.approx(float(divergence + entropy))


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan")])
def test_teachers_without_a_say_are_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Teachers([(network(0), factor)], CPU)
    with pytest.raises(ValueError, match="one network or more"):
        Teachers([], CPU)


def test_pupil_that_is_its_own_teacher_has_nothing_to_learn(
    data: TrainingData, tmp_path: Path
) -> None:
    # The gradient vanishes where the probabilities are the teacher's; decay and dropout aside.
    teacher = network(4)
    configuration = replace(TAUGHT, weight_decay=0.0, steps=1, mixup=0.0)
    run = TrainingRun(
        data, configuration, tmp_path / "run.pt", CPU, teacher, Teachers([(teacher, 1.0)], CPU)
    )
    run.model.eval()
    batch = next(run._batches())
    logits = run.model(batch.images)
    loss = distillation_loss(logits, teacher(batch.images).detach())
    gradients = torch.autograd.grad(loss, list(run.model.parameters()))
    assert all(float(gradient.abs().max()) < 1e-6 for gradient in gradients)


def test_a_run_comes_closer_to_its_teacher(data: TrainingData, tmp_path: Path) -> None:
    teacher = network(5)
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.mul_(3)  # surer than random weights are, so that there is much to learn
    configuration = replace(TAUGHT, steps=40, learning_rate=5e-3)
    run = TrainingRun(
        data, configuration, tmp_path / "run.pt", CPU, teachers=Teachers([(teacher, 1.0)], CPU)
    )
    images = next(run._batches()).images

    def distance() -> float:
        with torch.no_grad():
            return float(distillation_loss(run.average.module(images), teacher(images)))

    before = distance()
    run.train(quiet)
    assert distance() < before - 0.05


def test_a_run_begins_with_the_weights_and_after_the_batches_that_it_is_given(
    data: TrainingData, tmp_path: Path
) -> None:
    start = network(6)
    configuration = replace(TAUGHT, start="a", first_batch=3, teachers=())
    later = TrainingRun(data, configuration, tmp_path / "later.pt", CPU, start)
    for name, tensor in start.state_dict().items():
        assert torch.equal(later.average.module.state_dict()[name], tensor), name
    batches = list(
        TrainingRun(data, replace(TAUGHT, teachers=()), tmp_path / "first.pt", CPU)._batches()
    )
    assert torch.equal(next(later._batches()).images, batches[3].images)
