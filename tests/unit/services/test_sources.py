"""Opening models by what the user calls them."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import models
from server.services.sources import ModelUnavailable, open_model, trace_opened
from server.services.sources.input_form import MOST_VALUES, parse_input, parse_inputs

FACTORIES = '''
import torch
from torch import nn


class Digits(nn.Module):
    """For images of 32 by 32, as its last layer shows."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, width, 5)
        self.linear = nn.Linear(width * 28 * 28, 10)

    def forward(self, x):
        return self.linear(self.convolution(x).flatten(1))

    @staticmethod
    def small():
        return Digits(2)


class Choosy(nn.Module):
    """Takes another way where values say so: it must really run."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else x


class Pair(nn.Module):
    def forward(self, left, right):
        return left + right


class Sized(nn.Module):
    def __init__(self, channels):
        super().__init__()


def listed():
    return [nn.Linear(1, 1)]


def broken():
    raise ValueError("no such\\nlayer")


def exits():
    raise SystemExit(3)


def counts_zeros():
    layer = nn.Linear(2, 2)
    assert torch.zeros(3).sum().item() == 0  # a meta tensor has no values
    return layer


built = Digits()
number = 7
tokens = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
steps = nn.LSTM(5, 6)
volume = nn.Conv3d(1, 2, 3)
sound = nn.Conv1d(2, 4, 3)
vector = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
nothing = nn.ReLU()
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with a module of factories in it; imports are undone afterwards."""
    (tmp_path / "factories.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    before = set(sys.modules)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in before and file and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


def refusal(spec: str, *inputs: str) -> str:
    """Why a model cannot be opened: one line."""
    with pytest.raises(ModelUnavailable) as caught:
        trace_opened(open_model(spec, inputs=inputs, shapes_only=True))
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("text", "name", "shape", "dtype"),
    [
        ("3x224x224", None, (1, 3, 224, 224), None),
        ("16", None, (1, 16), None),
        ("1,3,8,9", None, (1, 3, 8, 9), None),
        ("4,16", None, (4, 16), None),
        ("16,", None, (16,), None),
        ("image=3x8x8", "image", (1, 3, 8, 8), None),
        ("16:int64", None, (1, 16), torch.int64),
        ("tokens=2,16:int64", "tokens", (2, 16), torch.int64),
        (" 5:float64 ", None, (1, 5), torch.float64),
    ],
)
def test_inputs_are_read(
    text: str, name: str | None, shape: tuple[int, ...], dtype: torch.dtype | None
) -> None:
    form = parse_input(text)
    assert (form.name, form.shape, form.dtype) == (name, shape, dtype)
    assert parse_input(str(form)) == form


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["3*4"], "'3*4' is not [NAME=]SIZES[:DTYPE]"),
        ([""], "is not [NAME=]SIZES"),
        (["3x-4"], "is not [NAME=]SIZES"),
        (["3x0x4"], "has a size of 0"),
        (["3:int65"], "'int65' is none of float16, "),
        ([f"{MOST_VALUES + 1}"], "has 268,435,457 values; 268,435,456 are the most"),
        (["9" * 400], "values"),
        (["a=1", "2"], "name all of the inputs, or none"),
        (["a=1", "a=2"], "a is given more than once"),
    ],
)
def test_inputs_that_are_none_are_named(texts: list[str], message: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        parse_inputs(texts)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["Digits", "Digits.small", "built"])
def test_a_factory_a_class_or_a_module_that_is_built(name: str, folder: Path) -> None:
    opened = open_model(f"factories:{name}", shapes_only=True)
    assert opened.is_shape_only == (name != "built")
    traced = trace_opened(opened)
    assert traced.trace.device.type == "meta"
    assert traced.trace.layer("<output>").shape == (1, 10)
    # 224 by 224 does not fit, and so on until 32 by 32 does.
    assert traced.opened.input_shapes == ((1, 3, 32, 32),)
    assert traced.opened.inputs_from == "guessed from convolution, a Conv2d with in_channels=3"
    assert open_model(f"factories:{name}").module.get_parameter("linear.weight").is_cpu


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("tokens", (1, 16)),
        ("steps", (1, 16, 5)),
        ("volume", (1, 1, 16, 112, 112)),
        ("sound", (1, 2, 1024)),
        ("vector", (1, 12)),
    ],
)
def test_the_first_layer_suggests_an_input(name: str, shape: tuple[int, ...], folder: Path) -> None:
    traced = trace_opened(open_model(f"factories:{name}"))
    assert traced.opened.input_shapes == (shape,)
    assert traced.trace.nodes


def test_a_model_that_needs_values_is_built_with_them(folder: Path) -> None:
    traced = trace_opened(open_model("factories:Choosy", shapes_only=True))
    assert not traced.opened.is_shape_only
    assert traced.trace.device.type == "cpu"
    assert not open_model("factories:counts_zeros", shapes_only=True).is_shape_only


def test_inputs_that_are_given_are_taken(folder: Path) -> None:
    opened = open_model("factories:Pair", inputs=["left=3x4", "right=3x4:float64"])
    assert trace_opened(opened).trace.layer("<output>").shape == (1, 3, 4)
    opened = open_model("factories:Pair", inputs=["2,3", "2,3"])
    assert trace_opened(opened).trace.layer("<output>").shape == (2, 3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere:model", "There is no module 'nowhere', neither in "),
        ("factories.deeper:model", "There is no module 'factories.deeper'"),
        ("factories:Digit", "factories has no 'Digit'; did you mean Digits?"),
        ("factories:Digits.smal", "factories.Digits has no 'smal'; did you mean small?"),
        ("factories:number", "is of type int: neither a module nor what makes one"),
        ("factories:listed", "returned list, which is no torch.nn.Module"),
        ("factories:broken", "raised ValueError: no such layer (factories.py, line "),
        ("factories:exits", "raised SystemExit: 3 (factories.py, line "),
        ("factories:Sized", "needs channels; a factory is called without arguments"),
        ("factories:Pair", "takes left and right: say what, such as --input left=SIZES"),
        ("factories:nothing", "says nowhere what it takes: say so by --input"),
        ("factories.py:Digits", "names a file; write it as a module: factories:Digits"),
        ("./sub/file.py:make", "names a file; write it as a module: sub.file:make"),
        ("failing:model", "Importing failing raised ZeroDivisionError: division by zero (failing"),
        ("needing:model", "Importing needing raised ModuleNotFoundError: No module named 'absent'"),
        ("wrong:model", "Importing wrong raised SyntaxError: "),
        ("oracle", "'oracle' is not a shipped model, package.module:factory, timm:NAME or"),
        ("doodle-clasifier", "did you mean doodle-classifier?"),
        ("", "is not a shipped model"),
        ("timm", "'timm' names no model: write timm:NAME."),
        ("timm:convnext_tin", "timm has no model 'convnext_tin'; did you mean convnext_tiny or"),
        ("timm:hf-hub:timm/resnet18", "would have to be downloaded"),
        ("timm:resnet50.nonsense", "RuntimeError: Invalid pretrained tag (nonsense)"),
        ("torchvision:ResNet-18", "torchvision has no model 'ResNet-18'; did you mean resnet18 or"),
    ],
)
def test_what_cannot_be_opened_says_why(spec: str, message: str, folder: Path) -> None:
    (folder / "failing.py").write_text("1 / 0\n", encoding="utf-8")
    (folder / "needing.py").write_text("import absent\n", encoding="utf-8")
    (folder / "wrong.py").write_text("def\n", encoding="utf-8")
    assert message in refusal(spec)


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_a_library_that_is_missing_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert refusal(f"{library}:resnet18") == f"{library} is not installed: pip install {library}"


def test_where_no_guess_fits_the_tries_are_told(folder: Path) -> None:
    (folder / "uneven.py").write_text(
        "from torch import nn\n"
        "model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(77, 5))\n",
        encoding="utf-8",
    )
    text = refusal("uneven:model")
    assert "ran on no input that its first layers suggest (3x224x224, 3x32x32, " in text
    assert "say what it takes by --input" in text
    assert "cannot be multiplied" in text


@pytest.mark.parametrize("package", [True, False])
def test_a_folder_named_as_ours_is_the_users(package: bool, folder: Path) -> None:
    (folder / "models").mkdir()
    if package:
        (folder / "models" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "models" / "mine.py").write_text(
        "from torch import nn\nmodel = nn.Linear(2, 3)\n", encoding="utf-8"
    )
    (folder / "uses.py").write_text("from models.mine import model\n", encoding="utf-8")
    for spec in ("models.mine:model", "uses:model"):
        assert open_model(spec).module.get_parameter("weight").shape == (3, 2)
    assert sys.modules["models"] is models
    assert "models.mine" not in sys.modules
    assert open_model("doodle-classifier").input_shapes == ((1, 1, 28, 28),)


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("timm:convnext_tiny", [(1, 3, 224, 224)]),
        ("timm:densenet121", [(1, 3, 224, 224)]),
        ("timm:swin_tiny_patch4_window7_224", [(1, 3, 224, 224)]),
        ("timm:inception_v3", [(1, 3, 299, 299)]),
        ("torchvision:googlenet", [(1, 3, 224, 224)]),
        ("torchvision:inception_v3", [(1, 3, 299, 299)]),
        ("torchvision:vit_h_14", [(1, 3, 224, 224)]),
        ("torchvision:r3d_18", [(1, 3, 16, 112, 112)]),
        ("torchvision:mvit_v2_s", [(1, 3, 16, 224, 224)]),
        ("torchvision:raft_small", [(1, 3, 128, 128)] * 2),
        ("torchvision:fcn_resnet50", [(1, 3, 520, 520)]),
        ("torchvision:ssd300_vgg16", [(1, 3, 300, 300)]),
        ("torchvision:fasterrcnn_mobilenet_v3_large_320_fpn", [(1, 3, 320, 320)]),
    ],
)
def test_architectures_open_without_weights_or_network(
    spec: str, shapes: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    opened = open_model(spec, shapes_only=True)
    assert list(opened.input_shapes) == shapes
    assert opened.is_shape_only
    assert not opened.module.training


def test_a_detector_runs_with_the_stand_in_for_its_missing_operator() -> None:
    opened = open_model("torchvision:ssdlite320_mobilenet_v3_large", shapes_only=True)
    traced = trace_opened(opened)
    assert not traced.opened.is_shape_only
    boxes = traced.trace.layer("<output>").shape
    assert boxes[1:] == (4,)


def test_shipped_architectures_have_their_weights_where_they_may_run() -> None:
    expected = models.load_model("doodle-classifier").module.state_dict()
    found = open_model("doodle-classifier").module.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert isinstance(open_model("doodle-classifier", shapes_only=True).module, nn.Module)
