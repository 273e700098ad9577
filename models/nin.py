"""Network in Network (NiN): 1x1 convolutions, and no fully connected layer.

Lin, Chen, Yan, "Network In Network", 2013 (sections 3.1 and 3.2). After each convolution come two
of 1x1: a small perceptron over the channels that runs at every pixel. The last block has one map
for each category, and the mean of a map is the category's logit.

Scaled to drawings: three blocks, as the paper has for the 32x32 images of CIFAR-10, with 32 and 64
channels for 192 in the first two, and 345 maps for 10 at the end, without the last ReLU, so that
logits can be negative. In the place of the paper's dropout stands batch normalisation, which is
two years younger (Ioffe, Szegedy, "Batch Normalization", 2015): the means of maps that are mostly
blank differ little from drawing to drawing, and without it the network starts to learn very late.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def mlpconv(
    in_channels: int, kernel_size: int, widths: tuple[int, int], out_channels: int
) -> nn.Sequential:
    """Make a convolution and two of 1x1: (N, in_channels, H, W) to (N, out_channels, H, W).

    ``widths`` are the channels of the first two, which normalisation and ReLU follow.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, widths[0], kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
        nn.Conv2d(widths[0], widths[1], 1, bias=False),
        nn.BatchNorm2d(widths[1]),
        nn.ReLU(),
        nn.Conv2d(widths[1], out_channels, 1),
    )


class NetworkInNetwork(nn.Sequential):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer    | output shape    | parameters              | multiply-accumulates          |
    |----------|-----------------|-------------------------|-------------------------------|
    | block1.0 | (N, 32, 28, 28) | 25 * 32 = 800           | 25 * 32 * 784 = 627200        |
    | block1.1 | (N, 32, 28, 28) | 2 * 32 = 64             | 0                             |
    | block1.3 | (N, 32, 28, 28) | 32 * 32 = 1024          | 32 * 32 * 784 = 802816        |
    | block1.4 | (N, 32, 28, 28) | 2 * 32 = 64             | 0                             |
    | block1.6 | (N, 32, 28, 28) | 32 * 32 + 32 = 1056     | 32 * 32 * 784 = 802816        |
    | pooling1 | (N, 32, 14, 14) | 0                       | 0                             |
    | block2.0 | (N, 64, 14, 14) | 25 * 32 * 64 = 51200    | 25 * 32 * 64 * 196 = 10035200 |
    | block2.1 | (N, 64, 14, 14) | 2 * 64 = 128            | 0                             |
    | block2.3 | (N, 64, 14, 14) | 64 * 64 = 4096          | 64 * 64 * 196 = 802816        |
    | block2.4 | (N, 64, 14, 14) | 2 * 64 = 128            | 0                             |
    | block2.6 | (N, 64, 14, 14) | 64 * 64 + 64 = 4160     | 64 * 64 * 196 = 802816        |
    | pooling2 | (N, 64, 7, 7)   | 0                       | 0                             |
    | block3.0 | (N, 160, 7, 7)  | 9 * 64 * 160 = 92160    | 9 * 64 * 160 * 49 = 4515840   |
    | block3.1 | (N, 160, 7, 7)  | 2 * 160 = 320           | 0                             |
    | block3.3 | (N, 160, 7, 7)  | 160 * 160 = 25600       | 160 * 160 * 49 = 1254400      |
    | block3.4 | (N, 160, 7, 7)  | 2 * 160 = 320           | 0                             |
    | block3.6 | (N, 345, 7, 7)  | 160 * 345 + 345 = 55545 | 160 * 345 * 49 = 2704800      |
    | pooling3 | (N, 345, 1, 1)  | 0                       | 0                             |

    In all: 236665 parameters, 22348704 multiply-accumulates.

    An ``nn.Sequential`` inside another: the path of a layer says where it stands, ``block1.3`` is
    the module of index 3 in the first block.
    """

    def __init__(self, categories: int = 345) -> None:
        super().__init__(
            OrderedDict(
                block1=mlpconv(1, 5, (32, 32), 32),
                activation1=nn.ReLU(),
                pooling1=nn.MaxPool2d(3, stride=2, ceil_mode=True),
                block2=mlpconv(32, 5, (64, 64), 64),
                activation2=nn.ReLU(),
                pooling2=nn.MaxPool2d(3, stride=2, ceil_mode=True),
                block3=mlpconv(64, 3, (160, 160), categories),
                pooling3=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
            )
        )
