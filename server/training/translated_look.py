"""How translated bitmaps look, put on other images, so that the look tells nothing of a category.

``train-translated.npz`` was brought to Google's frame by a small network, and looks like it: softer
and less exact than what is rendered. It is most of what is known of the rare categories and next to
nothing of the others, so that a classifier learns that what looks so is rare, which no drawing on a
pad does. Where exact images are made to look so as often, there is nothing to learn from it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from server.doodle.quickdraw import Bitmaps
from server.training.copies import standardised

FILE = Path(__file__).with_suffix(".safetensors")
"""Fitted to the 4,295 pairs of the training files, of which 600 were kept to judge it."""

NOISE_SIDE = 7
"""The translation's errors are a few pixels wide: noise of 7x7 is stretched to 28x28."""

ALIKE = 0.87
"""Correlation above which a translated bitmap is of the same drawing as an exact image."""


class TranslatedLook(nn.Module):
    """Exact images (N, 1, 28, 28) in 0..1, and noise, to images that look translated."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(2, channels, 5, padding=2)
        self.convolution2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.convolution3 = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        """Map images (N, 1, 28, 28) and noise (N, 1, 7, 7), normal, to images in 0..1."""
        stretched = functional.interpolate(noise, size=images.shape[2:], mode="bilinear")
        features = self.convolution1(torch.cat([images, stretched], dim=1)).relu()
        change: Tensor = self.convolution3(self.convolution2(features).relu())
        return (images + change).clamp(0, 1)

    def put_on(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Make images (N, 1, 28, 28) look so, each by noise of its own."""
        shape = (len(images), 1, NOISE_SIDE, NOISE_SIDE)
        made: Tensor = self(images, torch.randn(shape, generator=generator))
        return made


def load_look(path: Path = FILE) -> TranslatedLook:
    """The fitted look; raises OSError."""
    look = TranslatedLook()
    look.load_state_dict(load_file(path))
    return look.eval().requires_grad_(False)


def same_drawings(
    exact: Bitmaps, translated: Bitmaps
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The drawings of which there are both images: uint8 (pairs, 28, 28), exact and translated."""
    pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    for label in np.unique(translated.labels):
        sharp = exact.images[exact.labels == label]
        soft = translated.images[translated.labels == label]
        if len(sharp):
            correlations = standardised(soft) @ standardised(sharp).T
            found = np.flatnonzero(correlations.max(axis=1) > ALIKE)
            pairs.append((sharp[correlations[found].argmax(axis=1)], soft[found]))
    nothing = np.empty((0, 28, 28), np.uint8)
    return (
        np.concatenate([nothing, *(sharp for sharp, _ in pairs)]),
        np.concatenate([nothing, *(soft for _, soft in pairs)]),
    )


def fit_look(exact: Tensor, translated: Tensor, steps: int = 2_500) -> TranslatedLook:
    """Fit a look to pairs of images, float32 (N, 1, 28, 28) in 0..1; seeded by the caller.

    Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks",
    CVPR 2017, equation 4: near the other image of the pair, and like translated ones to a second
    network that learns to tell them apart. Nearness alone gives a mean of what could be, which is
    smoother than any of it.
    """
    look, critic = TranslatedLook(), _critic()
    of_look = torch.optim.Adam(look.parameters(), 2e-3, betas=(0.5, 0.9))
    of_critic = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.9))
    for _ in range(steps):
        chosen, others = (torch.randint(len(exact), (BATCH,)) for _ in range(2))
        made = look.put_on(exact[chosen])
        told = functional.softplus(critic(made.detach())).mean()
        told = told + functional.softplus(-critic(translated[others])).mean()
        of_critic.zero_grad()
        torch.autograd.backward(told)
        of_critic.step()
        far = (made - translated[chosen]).abs().mean()
        loss = functional.softplus(-critic(made)).mean() + NEARNESS * far
        of_look.zero_grad()
        torch.autograd.backward(loss)
        of_look.step()
    return look.eval().requires_grad_(False)


def told_apart(made: Tensor, translated: Tensor, judged: int, steps: int = 500) -> float:
    """How well a network learns to tell images that were made from translated ones.

    Args:
        made: float32 (N, 1, 28, 28) in 0..1; likewise ``translated``.
        judged: so many of each, the first, are not learned from.

    Returns:
        Area under the receiver operating characteristic on those: 0.5 where it cannot, 1 where it
        always can.
    """
    critic = _critic()
    optimiser = torch.optim.Adam(critic.parameters(), 2e-3)
    answers = torch.cat([torch.zeros(BATCH), torch.ones(BATCH)])
    for _ in range(steps):
        chosen = [torch.randint(judged, len(images), (BATCH,)) for images in (made, translated)]
        images = torch.cat([made[chosen[0]], translated[chosen[1]]])
        said = critic(images).mean(dim=(1, 2, 3))
        loss = functional.binary_cross_entropy_with_logits(said, answers)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    with torch.no_grad():
        ours, theirs = (critic(each[:judged]).mean(dim=(1, 2, 3)) for each in (made, translated))
    return float((theirs[:, None] > ours[None]).float().mean())


BATCH = 64
NEARNESS = 30.0
"""How much a difference of 1 a pixel counts against looking like what was made."""


def _critic() -> nn.Module:
    """Says of each quarter of the pixels whether it looks translated: (N, 1, 14, 14)."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 1, 3, padding=1),
    )
