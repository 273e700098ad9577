"""Batches: which drawings, bent how, and always the same for a seed and a number."""

import numpy as np
import pytest
import torch

from server.doodle.categories import LABELS
from server.doodle.raster import render
from server.training.augmentation import (
    MIRRORED,
    WARPED,
    augment_images,
    render_augmented,
    warp_images,
)
from server.training.dataset import TrainingData, load_training_data
from server.training.sampling import Sampler
from tests.unit.training.data import write_training_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(write_training_data(tmp_path_factory.mktemp("data")), seed=0)


def test_batch_is_a_function_of_seed_and_number(data: TrainingData) -> None:
    first, again = (Sampler(data, 64, seed=5).batch(7) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, Sampler(data, 64, seed=5).batch(8).images)
    assert not torch.equal(first.images, Sampler(data, 64, seed=6).batch(7).images)


def test_batch_is_what_the_network_takes(data: TrainingData) -> None:
    batch = Sampler(data, 96, seed=0).batch(0)
    assert batch.images.shape == (96, 1, 28, 28)
    assert batch.images.dtype == torch.float32
    assert 0 <= float(batch.images.min()) < 0.01
    assert 0.9 < float(batch.images.max()) <= 1
    assert (batch.images.amax(dim=(1, 2, 3)) > 0.3).all()


def test_categories_come_as_often_as_the_probabilities_say(data: TrainingData) -> None:
    sampler = Sampler(data, 512, seed=0)
    labels = torch.cat([sampler.batch(number).labels for number in range(8)])
    seen = np.bincount(labels.numpy(), minlength=345) / len(labels)
    assert np.abs(seen - sampler.category_probabilities).max() < 0.03
    square, line = LABELS["square"], LABELS["line"]
    assert sampler.category_probabilities[square] > sampler.category_probabilities[line] > 0.2
    assert sampler.category_probabilities.sum() == pytest.approx(1)


def test_augmented_strokes_differ_from_each_other_and_stay_drawings(data: TrainingData) -> None:
    strokes = data.strokes
    chosen = np.zeros(64, np.int64)
    arrays = (strokes.points, strokes.stroke_starts, strokes.drawing_starts)
    before = strokes.points.copy()
    images = render_augmented(*arrays, chosen, 1)
    assert (strokes.points == before).all()
    assert (images == render_augmented(*arrays, chosen, 1)).all()
    assert len({image.tobytes() for image in images}) > 60
    assert (images.reshape(64, -1).max(axis=1) == 255).all()


def test_warped_images_keep_their_ink(data: TrainingData) -> None:
    image = torch.from_numpy(render(data.held_out[0].drawing)).float().div(255)
    images, extent = image.expand(32, 1, 28, 28), torch.ones(32)
    warped = warp_images(images, extent, torch.Generator().manual_seed(1))
    again = warp_images(images, extent, torch.Generator().manual_seed(1))
    assert torch.equal(warped, again)
    assert float(warped.min()) >= 0
    assert float(warped.max()) <= 1
    ink = warped.sum(dim=(1, 2, 3)) / image.sum()
    assert ((ink > 0.6) & (ink < 1.5)).all()
    unmoved = warp_images(images, torch.zeros(32), torch.Generator().manual_seed(1))
    assert torch.allclose(unmoved, images, atol=1e-5)


def test_whether_an_image_is_warped_does_not_tell_where_it_came_from(data: TrainingData) -> None:
    image = torch.from_numpy(render(data.held_out[0].drawing)).float().div(255)
    images = image.expand(4000, 1, 28, 28)
    made = augment_images(images, 2000, torch.Generator().manual_seed(2))
    crisp = (made == images).flatten(1).all(1)
    mirrored = (made == images.flip(3)).flatten(1).all(1)
    unwarped = crisp | mirrored
    for source in (unwarped[:2000], unwarped[2000:]):
        assert source.float().mean() == pytest.approx(1 - WARPED, abs=0.05)
    assert not mirrored[:2000].any()  # strokes are mirrored before they are rendered
    assert mirrored[2000:].float().mean() == pytest.approx((1 - WARPED) * MIRRORED, abs=0.05)


def test_a_batch_of_which_no_image_is_warped() -> None:
    image = torch.rand(1, 1, 28, 28)
    made = [augment_images(image, 1, torch.Generator().manual_seed(seed)) for seed in range(20)]
    unwarped = [torch.equal(one, image) for one in made]
    assert any(unwarped)
    assert not all(unwarped)
