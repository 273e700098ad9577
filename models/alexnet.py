"""AlexNet: the network with which deep learning won the ImageNet challenge of 2012.

Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
2012 (section 3, figure 2).

Scaled to drawings: five convolutions and three fully connected layers as in the paper, with a
third of its channels (32, 80, 128, 128, 80 for 96, 256, 384, 384, 256) and an eighth of its 4096
units. The first kernel is 5x5 with stride 1 for 11x11 with stride 4: an image of 28x28 has no
pixels to leave out. Kept is what was the paper's own: ReLU, overlapping pooling (3x3, stride 2),
local response normalisation after the first two convolutions, convolutions 2, 4 and 5 in two
groups, which ran on two GPUs, and dropout, though of a fifth of the units for a half: a network so
small, trained for minutes, does not learn its drawings by heart. The normalisation comes after the
pooling and not before, where it would have four times as much to do.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from models.initialisation import he_initialise


class AlexNet(nn.Module):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer                 | output shape    | parameters                  | multiply-accumulates |
    |-----------------------|-----------------|-----------------------------|----------------------|
    | features.convolution1 | (N, 32, 28, 28) | 25 * 32 + 32 = 832          | 627200               |
    | features.pooling1     | (N, 32, 13, 13) | 0                           | 0                    |
    | features.convolution2 | (N, 80, 13, 13) | 25 * 16 * 80 + 80 = 32080   | 5408000              |
    | features.pooling2     | (N, 80, 6, 6)   | 0                           | 0                    |
    | features.convolution3 | (N, 128, 6, 6)  | 9 * 80 * 128 + 128 = 92288  | 3317760              |
    | features.convolution4 | (N, 128, 6, 6)  | 9 * 64 * 128 + 128 = 73856  | 2654208              |
    | features.convolution5 | (N, 80, 6, 6)   | 9 * 64 * 80 + 80 = 46160    | 1658880              |
    | features.pooling5     | (N, 80, 2, 2)   | 0                           | 0                    |
    | classifier.linear6    | (N, 512)        | 80 * 4 * 512 + 512 = 164352 | 163840               |
    | classifier.linear7    | (N, 512)        | 512 * 512 + 512 = 262656    | 262144               |
    | classifier.linear8    | (N, 345)        | 512 * 345 + 345 = 176985    | 176640               |

    In all: 849209 parameters, 14268672 multiply-accumulates.

    In two groups, each map reads half of the maps before it: 16 of 32, 64 of 128.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                convolution1=nn.Conv2d(1, 32, 5, padding=2),
                activation1=nn.ReLU(),
                pooling1=nn.MaxPool2d(3, stride=2),
                normalisation1=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0),
                convolution2=nn.Conv2d(32, 80, 5, padding=2, groups=2),
                activation2=nn.ReLU(),
                pooling2=nn.MaxPool2d(3, stride=2),
                normalisation2=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0),
                convolution3=nn.Conv2d(80, 128, 3, padding=1),
                activation3=nn.ReLU(),
                convolution4=nn.Conv2d(128, 128, 3, padding=1, groups=2),
                activation4=nn.ReLU(),
                convolution5=nn.Conv2d(128, 80, 3, padding=1, groups=2),
                activation5=nn.ReLU(),
                pooling5=nn.MaxPool2d(3, stride=2),
            )
        )
        self.flatten = nn.Flatten()
        output = nn.Linear(512, categories)
        self.classifier = nn.Sequential(
            OrderedDict(
                dropout6=nn.Dropout(0.2),
                linear6=nn.Linear(80 * 2 * 2, 512),
                activation6=nn.ReLU(),
                dropout7=nn.Dropout(0.2),
                linear7=nn.Linear(512, 512),
                activation7=nn.ReLU(),
                linear8=output,
            )
        )
        self.apply(he_initialise)
        nn.init.normal_(output.weight, std=0.01)  # so that it begins without strong opinions

    def forward(self, x: Tensor) -> Tensor:
        """Map drawings (N, 1, 28, 28) to logits (N, categories)."""
        logits: Tensor = self.classifier(self.flatten(self.features(x)))
        return logits
