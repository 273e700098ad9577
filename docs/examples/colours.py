"""A network of one's own to serve: `doodlescope serve --model docs.examples.colours:Colours`."""

from torch import Tensor, nn


class Colours(nn.Module):
    """Four classes of pictures of 32 by 32 pixels, from (N, 3, 32, 32) to logits (N, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten()
        )
        self.classifier = nn.Linear(8 * 8 * 8, 4)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images."""
        logits: Tensor = self.classifier(self.features(images))
        return logits
