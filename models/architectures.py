"""Every network by name: title, description, source, scaling and training settings."""

from __future__ import annotations

from models.alexnet import AlexNet
from models.architecture import Architecture, TrainingDefaults
from models.densenet import DenseNet
from models.doodle_classifier import DoodleClassifier
from models.googlenet import GoogLeNet
from models.lenet5 import LeNet5
from models.mobilenet import MobileNet
from models.multilayer_perceptron import MultilayerPerceptron
from models.nin import NetworkInNetwork
from models.resnet import ResNet
from models.softmax_regression import SoftmaxRegression
from models.vgg import VGG

ARCHITECTURES: dict[str, Architecture] = {
    "doodle-classifier": Architecture(
        title="Doodle classifier",
        description=(
            "A residual network of seven 3x3 convolutions, three 1x1 shortcuts and one linear "
            "layer, made for drawings and trained the longest."
        ),
        paper=(
            "Blocks after He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2015; "
            "shortcuts after He, Zhang, Zhang, Zhang, Xie, Li, Bag of Tricks for Image "
            "Classification with Convolutional Neural Networks, 2018"
        ),
        scaled="Made for 28x28; not a smaller version of a published network.",
        shows="a block as a module, with two paths that are added",
        build=DoodleClassifier,
        training=TrainingDefaults(steps=11_000, learning_rate=2e-3, label_smoothing=0.1, mixup=0.2),
    ),
    "softmax-regression": Architecture(
        title="Softmax regression",
        description="One linear layer: a template of 28x28 weights for each category.",
        paper=(
            "Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, "
            "with Relationships to Statistical Pattern Recognition, 1990"
        ),
        scaled="Nothing: 784 pixels to 345 categories.",
        shows="the smallest module: `__init__` and `forward`",
        build=SoftmaxRegression,
        training=TrainingDefaults(steps=3_000, learning_rate=5e-3),
    ),
    "multilayer-perceptron": Architecture(
        title="Multilayer perceptron",
        description=(
            "Four linear layers with ReLU between them, two of which are one layer that runs twice."
        ),
        paper=(
            "Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, 1986"
        ),
        scaled=(
            "784 inputs, three hidden layers of 384 units, of which two share their weights; ReLU "
            "for sigmoid units."
        ),
        shows="`nn.Sequential`; shared parameters: one module that runs twice",
        build=MultilayerPerceptron,
        training=TrainingDefaults(steps=6_000, learning_rate=2e-3),
    ),
    "lenet-5": Architecture(
        title="LeNet-5",
        description=(
            "The convolutional network of 1998, with sub-sampling layers that learn a coefficient "
            "and a bias for each channel."
        ),
        paper=(
            "LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document "
            "Recognition, 1998"
        ),
        scaled=(
            "Images of 28x28 padded to the paper's 32x32; a linear output of 345 categories for "
            "10 radial basis functions; every map of C3 reads every map of S2; plain hyperbolic "
            "tangent. Widths as in the paper."
        ),
        shows="a layer of one's own with `nn.Parameter`",
        build=LeNet5,
        training=TrainingDefaults(steps=5_000, learning_rate=5e-3),
    ),
    "alexnet": Architecture(
        title="AlexNet",
        description=(
            "Five convolutions, some in two groups, with local response normalisation, overlapping "
            "pooling and dropout: the network of 2012."
        ),
        paper=(
            "Krizhevsky, Sutskever, Hinton, ImageNet Classification with Deep Convolutional Neural "
            "Networks, 2012"
        ),
        scaled=(
            "A third of the channels, an eighth of the 4096 units, a first kernel of 5x5 with "
            "stride 1 for 11x11 with stride 4, normalisation after the pooling, less dropout."
        ),
        shows="named layers in an `nn.Sequential`; groups",
        build=AlexNet,
        training=TrainingDefaults(steps=1_800, learning_rate=1e-3),
    ),
    "vgg": Architecture(
        title="VGG",
        description="Seven 3x3 convolutions in three blocks, and three linear layers.",
        paper=(
            "Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image "
            "Recognition, 2014"
        ),
        scaled=(
            "The first three blocks of configuration D (VGG-16) with 32, 64 and 96 channels for "
            "64, 128 and 256; 320 units for 4096 in the linear layers, with less dropout."
        ),
        shows="blocks made by a function",
        build=VGG,
        training=TrainingDefaults(steps=2_800, learning_rate=1e-3),
    ),
    "nin": Architecture(
        title="Network in Network (NiN)",
        description=(
            "Convolutions followed by 1x1 convolutions, and the mean of one map for each category "
            "in place of a linear layer."
        ),
        paper="Lin, Chen, Yan, Network In Network, 2013",
        scaled=(
            "The paper's three blocks for images of 32x32 with 32 and 64 channels for 192, and 345 "
            "maps for 10; batch normalisation for dropout, no ReLU after the last convolution."
        ),
        shows="`nn.Sequential` nested in another",
        build=NetworkInNetwork,
        training=TrainingDefaults(steps=1_800, learning_rate=3e-3),
    ),
    "googlenet": Architecture(
        title="GoogLeNet",
        description=(
            "Five Inception modules: four branches over the same maps, put side by side again."
        ),
        paper=(
            "Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, Going "
            "Deeper with Convolutions, 2014"
        ),
        scaled=(
            "Five of nine Inception modules with a quarter of the channels, one 5x5 convolution "
            "for the first four layers, and batch normalisation for the auxiliary classifiers."
        ),
        shows="`nn.ModuleDict`: branches, concatenated",
        build=GoogLeNet,
        training=TrainingDefaults(steps=1_500, learning_rate=3e-3),
    ),
    "resnet": Architecture(
        title="ResNet-14",
        description=(
            "Six residual blocks of two 3x3 convolutions, each added to what the block was given."
        ),
        paper="He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2015",
        scaled=(
            "The paper's network for images of 32x32, of 6n + 2 layers, with n = 2; 1x1 "
            "convolutions as shortcuts where the resolution halves."
        ),
        shows="stages made by a function; `nn.Identity`; residuals, added",
        build=ResNet,
        training=TrainingDefaults(steps=2_000, learning_rate=3e-3),
    ),
    "densenet": Architecture(
        title="DenseNet-BC",
        description=(
            "Three blocks whose layers each read the maps of all layers before them and add twelve."
        ),
        paper=(
            "Huang, Liu, van der Maaten, Weinberger, Densely Connected Convolutional Networks, 2016"
        ),
        scaled=(
            "The paper's growth rate of 12 with 4, 6 and 6 layers for 16 each, and stride 2 in the "
            "first convolution."
        ),
        shows="`nn.ModuleList`, put together in `forward`",
        build=DenseNet,
        training=TrainingDefaults(steps=1_800, learning_rate=3e-3),
    ),
    "mobilenet": Architecture(
        title="MobileNet, version 1",
        description=(
            "Depthwise separable convolutions: one kernel for each channel, then 1x1 over the "
            "channels, for a fraction of the arithmetic."
        ),
        paper=(
            "Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam, MobileNets: Efficient "
            "Convolutional Neural Networks for Mobile Vision Applications, 2017"
        ),
        scaled=(
            "The first six layers with all their channels, and two more of 256 for the five of "
            "512; the resolution halves three times, not five."
        ),
        shows="depthwise convolutions: as many groups as channels",
        build=MobileNet,
        training=TrainingDefaults(steps=1_800, learning_rate=3e-3),
    ),
}
"""Every network: the shipped classifier first, then the simplest, then by year."""
