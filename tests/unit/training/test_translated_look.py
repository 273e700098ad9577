"""The look of translated bitmaps: what makes it, whom it is put on, and how often."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from scripts import fit_look as script
from server.doodle.categories import LABELS
from server.doodle.quickdraw import Bitmaps, read_strokes
from server.doodle.raster import render
from server.training import sampling
from server.training.dataset import STROKES_FILE, TRANSLATED_FILE, TrainingData, load_training_data
from server.training.sampling import Sampler, look_probabilities
from server.training.translated_look import fit_look, load_look, same_drawings, told_apart
from tests.unit.training.data import CORNERS, write_training_data


def softened(images: Tensor) -> Tensor:
    """What a small network could have made of images (N, 1, 28, 28)."""
    return (images + functional.avg_pool2d(images, 3, stride=1, padding=1)) / 2


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Bitmaps:
    data = load_training_data(write_training_data(tmp_path_factory.mktemp("data"), 60), seed=0)
    return Bitmaps(script.rendered(data.strokes), data.strokes.labels)


def tensor_of(images: np.typing.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images).float().div(255)[:, None]


def test_rendered_drawings_are_those_of_the_pad(tmp_path: Path) -> None:
    data = load_training_data(write_training_data(tmp_path), seed=0)
    expected = {render(each.drawing).tobytes() for each in read_strokes(tmp_path / STROKES_FILE)}
    images = {image.tobytes() for image in script.rendered(data.strokes)}
    assert len(images) > 50
    assert images <= expected


def test_images_of_the_same_drawing_are_found(exact: Bitmaps) -> None:
    soft = (softened(tensor_of(exact.images)) * 255).byte().numpy()[:, 0]
    random = np.random.default_rng(3)
    order = random.permutation(len(soft))
    sharp, found = same_drawings(exact, Bitmaps(soft[order], exact.labels[order]))
    assert len(found) == len(soft)
    near = np.abs(sharp.astype(float) - found).mean()
    assert near < np.abs(sharp.astype(float) - found[::-1]).mean() / 2
    # of another category, nothing is the same drawing; nor is noise
    elsewhere = np.full(len(soft), LABELS["line"] + 1)
    assert len(same_drawings(exact, Bitmaps(soft, elsewhere))[1]) == 0
    noise = random.integers(0, 256, soft.shape, dtype=np.uint8)
    assert len(same_drawings(exact, Bitmaps(noise, exact.labels))[1]) == 0


def test_a_look_is_learned_from_pairs(exact: Bitmaps) -> None:
    images = tensor_of(exact.images)
    soft = softened(images)
    judged = 60
    torch.manual_seed(0)
    look = fit_look(images[judged:], soft[judged:], steps=30)
    with torch.no_grad():
        made = look.put_on(images)
    assert (made - soft)[:judged].abs().mean() < (images - soft)[:judged].abs().mean() / 2
    sure = told_apart(images, soft, judged, steps=25)
    assert sure > 0.95
    assert told_apart(made, soft, judged, steps=25) < sure
    assert told_apart(soft, soft, judged, steps=10) == pytest.approx(0.5, abs=0.02)


def test_the_look_that_is_kept_softens_a_drawing_by_its_noise(exact: Bitmaps) -> None:
    images = tensor_of(exact.images)
    look = load_look()
    first, again, other = (
        look.put_on(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == images.shape
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
    between = [((made > 0.1) & (made < 0.9)).float().mean() for made in (images, first)]
    assert between[1] > 1.2 * between[0], "softer"
    assert (first - images).abs().mean() < 0.1, "and the same drawing"


def test_of_every_category_as_many_images_look_translated() -> None:
    random = np.random.default_rng(4)
    labels = np.concatenate([random.integers(0, 345, 20_000), random.integers(0, 40, 3_000)])
    weights = np.concatenate([random.choice([1.0, 3.0], 20_000), np.ones(3_000)])
    made = look_probabilities(labels, weights, range(20_000, 23_000))
    soft = np.bincount(labels[20_000:], weights[20_000:], minlength=345)
    share = soft / np.bincount(labels, weights, minlength=345)
    looks = share + (1 - share) * made
    assert 0 < np.quantile(share, 0.9) < 0.6
    assert looks[made > 0] == pytest.approx(np.quantile(share, 0.9))
    assert (looks[made == 0] >= np.quantile(share, 0.9)).all()
    assert (made == 0).sum() <= 35


class Black:
    """Stands for the look; what it was put on is black."""

    def put_on(self, images: Tensor, generator: torch.Generator) -> Tensor:
        assert isinstance(generator, torch.Generator)
        return torch.zeros_like(images)


def test_batches_have_it_put_on_exact_images_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "load_look", Black)
    monkeypatch.setattr(sampling, "ALMOST_ALL", 1.0)
    write_training_data(tmp_path, 40)
    plain = load_training_data(tmp_path, seed=0)
    assert plain.translated is None
    rare = LABELS["line"]
    translated = np.full((40, 28, 28), 128, np.uint8)  # half grey, however it is warped
    np.savez(tmp_path / TRANSLATED_FILE, images=translated, labels=np.full(40, rare, np.int16))
    data = load_training_data(tmp_path, seed=0)
    assert data.translated == 1

    def look_of(data: TrainingData) -> dict[str, float]:
        sampler = Sampler(data, 256, seed=0)
        batches = [sampler.batch(number) for number in range(12)]
        images = torch.cat([batch.images for batch in batches]).flatten(1)
        labels = torch.cat([batch.labels for batch in batches])
        black = images.amax(dim=1) == 0
        grey = (images.amax(dim=1) < 0.6) & ~black
        looks = (black | grey).float()
        assert not black[labels == rare].any(), "enough of them are translated ones"
        return {name: float(looks[labels == LABELS[name]].mean()) for name in CORNERS}

    assert set(look_of(plain).values()) == {0.0}
    share = 40 / (40 + 3 * int((data.strokes.labels == rare).sum()))
    assert look_of(data) == pytest.approx(dict.fromkeys(CORNERS, share), abs=0.05)
    without = replace(data, bitmaps=data.bitmaps[::-1], translated=0)
    assert look_of(without) == pytest.approx(dict.fromkeys(CORNERS, share), abs=0.05)


def test_the_script_says_what_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_training_data(tmp_path)
    assert script.main([str(tmp_path)]) == 1
    assert TRANSLATED_FILE in capsys.readouterr().err


def test_the_script_judges_the_look_and_fits_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "JUDGED", 20)
    monkeypatch.setattr(script, "fit_look", partial(fit_look, steps=2))
    monkeypatch.setattr(script, "told_apart", partial(told_apart, steps=2))
    write_training_data(tmp_path, 60)
    exact = load_training_data(tmp_path, seed=0).strokes
    soft = (softened(tensor_of(script.rendered(exact))) * 255).byte().numpy()[:, 0]
    np.savez(tmp_path / TRANSLATED_FILE, images=soft, labels=exact.labels.astype(np.int16))
    output = tmp_path / "look.safetensors"
    assert script.main([str(tmp_path), "--output", str(output)]) == 0
    assert capsys.readouterr().out.count("AUROC") == 3
    assert load_file(output).keys() == load_look().state_dict().keys()
