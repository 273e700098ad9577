"""``from server import show``: a live module on a page, exactly as it is, and left so."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from server import show
from server.engine.trace import ForwardFailed
from server.showing import Shown
from tests.support.own_models import Colours, seeded

LABELS = ("cat", "dog", "sun", "house")
PATIENCE = 60.0
EXAMPLE = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def module() -> Colours:
    return seeded().train()


@pytest.fixture(scope="module")
def shown(module: Colours) -> Iterator[Shown]:
    with show(module, EXAMPLE, labels=LABELS, block=False) as opened:
        yield opened


@pytest.fixture
def client(shown: Shown) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shown.url.partition("/models")[0], timeout=PATIENCE) as opened:
        yield opened


def inspect(client: httpx.Client, example: int) -> dict[str, Any]:
    response = client.post("/api/v1/inspections", json={"example": example})
    assert response.status_code in (200, 201), response.text
    found: dict[str, Any] = response.json()
    return found


def test_importing_server_stays_light() -> None:
    code = "import sys; from server import show; print('torch' in sys.modules, callable(show))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("number", range(3))
def test_each_item_of_the_example_is_run_exactly_as_it_is(
    client: httpx.Client, module: Colours, number: int
) -> None:
    found = inspect(client, number)
    arrays = np.load(io.BytesIO(client.get(found["input"]["arrays"]).content))
    assert np.array_equal(arrays["input"], EXAMPLE[number : number + 1].numpy())
    expected = module_in_eval(module, EXAMPLE[number : number + 1])
    given = {guess["label"]: guess["logit"] for guess in found["predictions"]}
    assert [given[label] for label in LABELS] == pytest.approx(expected[0].tolist(), abs=1e-5)


def module_in_eval(module: Colours, values: Tensor) -> Tensor:
    copy = seeded()
    copy.load_state_dict(module.state_dict())
    with torch.no_grad():
        logits: Tensor = copy(values)
    return logits


def test_the_values_of_a_pixel_are_those_of_the_example(client: httpx.Client) -> None:
    id = inspect(client, 2)["id"]
    pixel = client.get(f"/api/v1/inspections/{id}/input/pixels/5/7").json()
    assert pixel["values"] == EXAMPLE[2, :, 5, 7].tolist()


def test_an_example_that_is_not_there(client: httpx.Client) -> None:
    response = client.post("/api/v1/inspections", json={"example": 3})
    assert response.status_code == 422
    assert "examples 0 to 2" in response.json()["detail"]


def test_the_module_and_the_generators_are_left_as_they_were(
    client: httpx.Client, module: Colours
) -> None:
    generators = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = inspect(client, 0)
    for layer in found["layers"]:
        for view in ("statistics", "contributions", "units/0/0/0/arithmetic"):
            assert client.get(f"{layer['url']}/{view}").status_code == 200, (layer["name"], view)
    assert client.post("/api/v1/predictions", json={"example": 1}).status_code == 200
    assert all(each.training for each in module.modules())
    assert all(each.requires_grad and each.grad is None for each in module.parameters())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert torch.equal(generators[0], torch.get_rng_state())
    assert np.array_equal(generators[1], np.random.get_state()[1])  # type: ignore[index]


def test_new_weights_show_at_the_next_input(client: httpx.Client, module: Colours) -> None:
    before = inspect(client, 0)
    module.linear.bias.data[2] += 3.0
    after = inspect(client, 0)
    assert after["version"] != before["version"]
    sun = [
        {guess["label"]: guess["logit"] for guess in found["predictions"]}["sun"]
        for found in (before, after)
    ]
    assert sun[1] - sun[0] == pytest.approx(3.0, abs=1e-4)
    # What was kept of the old weights would be explained by the new ones.
    assert client.get(f"/api/v1/inspections/{before['id']}").status_code == 410


def test_the_page_may_stand_in_a_notebook_of_this_machine(
    shown: Shown, client: httpx.Client
) -> None:
    headers = client.get(shown.url).headers
    assert "frame-ancestors http://localhost:*" in headers["content-security-policy"]
    assert "x-frame-options" not in headers
    assert "camera=(self)" in headers["permissions-policy"]
    assert f'<iframe src="{shown.url}"' in shown._repr_html_()
    assert shown.url in repr(shown)
    assert client.get("/", follow_redirects=True).url == shown.url


def test_close_stops_the_server_and_may_be_called_again() -> None:
    shown = show(nn.Linear(4, 2), (1, 4), block=False, name="A line")
    assert shown.url.endswith("/models/A-line")
    assert httpx.get(shown.url, timeout=PATIENCE).status_code == 200
    shown.close()
    shown.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(shown.url)


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        return {"sum": left + right}


def test_several_inputs_by_name() -> None:
    left, right = torch.rand(1, 4), torch.rand(1, 4)
    with show(Pair(), {"left": left, "right": right}, block=False) as shown:
        base = shown.url.partition("/models")[0]
        with httpx.Client(base_url=base, timeout=PATIENCE) as client:
            found = inspect(client, 0)
            arrays = np.load(io.BytesIO(client.get(found["input"]["arrays"]).content))
            (model,) = client.get("/api/v1/models").json()["models"]
    assert found["predictions"] == []
    assert found["entropy"] is None
    # As the graph calls them: in the order of the arguments.
    assert np.array_equal(arrays["input"], left)
    assert np.array_equal(arrays["input@1"], right)
    assert "dictionary of sum" in model["silence"]


class OfTwo(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(2, -1)[0] + x.reshape(2, -1)[1]


def test_a_forward_that_wants_the_whole_batch_gets_it() -> None:
    with show(OfTwo(), torch.arange(6.0).reshape(2, 3), block=False) as shown:
        base = shown.url.partition("/models")[0]
        (model,) = httpx.get(f"{base}/api/v1/models", timeout=PATIENCE).json()["models"]
    assert model["examples"] == 1


def test_what_cannot_be_shown() -> None:
    model = seeded()
    with pytest.raises(TypeError, match=r"takes a torch\.nn\.Module, not int"):
        show(3, EXAMPLE, block=False)  # type: ignore[arg-type]
    with pytest.raises(ForwardFailed) as failed:
        show(model, torch.rand(1, 3, 30, 40), block=False)
    assert "set in_features of linear to 560" in failed.value.__notes__[0]
    with pytest.raises(ValueError, match="5 labels"):
        show(model, EXAMPLE, labels=list("abcde"), block=False)
    with pytest.raises(ValueError, match="nothing to give labels to"):
        show(Pair(), ((1, 2), (1, 2)), labels=["a", "b"], block=False)
    with pytest.raises(ValueError, match="deviations above 0"):
        show(model, EXAMPLE, normalise=(0.5, 0.0), block=False)
    with pytest.raises(ValueError, match="2 numbers for 3 channels"):
        show(model, EXAMPLE, normalise=((0.5, 0.5), 1.0), block=False)


def test_a_script_waits_and_ctrl_c_ends_it() -> None:
    code = (
        "import signal, threading, os\n"
        "from torch import nn\n"
        "from server import show\n"
        "import server.showing as showing\n"
        "wait = showing.Shown.wait\n"
        "def soon(shown):\n"
        "    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "    wait(shown)\n"
        "showing.Shown.wait = soon\n"
        "show(nn.Linear(4, 2), (1, 4))\n"
        "print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert "doodlescope shows it at http://127.0.0.1:" in done.stdout
    assert done.stdout.splitlines()[-1] == "went on"
