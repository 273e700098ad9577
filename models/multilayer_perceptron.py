"""A multilayer perceptron: linear layers with rectified linear units (ReLU) between them.

Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", 1986.

Scaled to drawings: 784 inputs for 28x28 pixels, three hidden layers of 384 units, 345 outputs. The
paper's units are sigmoid; ReLU, with which deep networks learn faster, stands in their place. The
second and the third hidden layer share their weights, as the layers do that stand for an iterated
network in the paper (figure 5): one ``nn.Linear`` runs twice. Its gradient is the sum over both
calls, and its weights are counted and saved once.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from models.initialisation import he_initialise


class MultilayerPerceptron(nn.Sequential):
    """Drawings (N, 1, 28, 28), float32 in 0..1 with ink 1 on 0, to logits (N, categories).

    | layer    | output shape | parameters               | multiply-accumulates |
    |----------|--------------|--------------------------|----------------------|
    | flatten  | (N, 784)     | 0                        | 0                    |
    | first    | (N, 384)     | 784 * 384 + 384 = 301440 | 784 * 384 = 301056   |
    | shared   | (N, 384)     | 384 * 384 + 384 = 147840 | 384 * 384 = 147456   |
    | shared@1 | (N, 384)     | 0                        | 384 * 384 = 147456   |
    | output   | (N, 345)     | 384 * 345 + 345 = 132825 | 384 * 345 = 132480   |

    In all: 582105 parameters, 728448 multiply-accumulates. ``shared@1`` is the second call.

    An ``nn.Sequential`` needs no ``forward``: it runs its modules in order, each on what the one
    before it gave. An ``OrderedDict`` gives them names; without one they are "0", "1", "2", ...
    """

    def __init__(self, categories: int = 345, width: int = 384) -> None:
        shared = nn.Linear(width, width)
        super().__init__(
            OrderedDict(
                flatten=nn.Flatten(),
                first=nn.Linear(28 * 28, width),
                activation1=nn.ReLU(),
                shared=shared,
                activation2=nn.ReLU(),
                shared_again=shared,  # the same object, so no further weights
                activation3=nn.ReLU(),
                output=nn.Linear(width, categories),
            )
        )
        self.apply(he_initialise)
