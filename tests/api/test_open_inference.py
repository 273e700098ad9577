"""The Open Inference Protocol: what it says, and what its own client makes of a real server."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch
import tritonclient.http
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from models import load_model
from scripts.started_server import started_server
from server.app import create_app
from server.doodle.categories import CATEGORIES
from server.settings import ServedModel, Settings
from tests.support.asgi import Client, running

MODEL = "doodle-classifier"
INFER = f"/v2/models/{MODEL}/infer"
LENGTH = "Inference-Header-Content-Length"
FLOATS: NDArray[np.float32] = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
PIXELS = np.random.default_rng(1).integers(0, 256, (3, 28, 28), np.uint8)


def expected(inputs: NDArray[Any], model: str = MODEL) -> NDArray[np.float32]:
    """The logits, by PyTorch."""
    module = load_model(model).module.eval()
    with torch.inference_mode():
        logits: NDArray[np.float32] = module(torch.from_numpy(inputs).float()).numpy()
    return logits


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = torch.from_numpy(logits).softmax(1).numpy()
    return probabilities


def as_json(name: str, datatype: str, values: NDArray[Any], **more: Any) -> dict[str, Any]:
    tensor = {"name": name, "datatype": datatype, "shape": list(values.shape)}
    return {"inputs": [tensor | {"data": values.ravel().tolist()}], **more}


def as_binary(
    name: str, datatype: str, shape: list[int], data: bytes, **more: Any
) -> tuple[bytes, dict[str, str]]:
    parameters = {"binary_data_size": len(data)}
    tensor = {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}
    header = json.dumps({"inputs": [tensor], **more}).encode()
    return header + data, {LENGTH: str(len(header))}


def outputs_of(response: httpx.Response) -> dict[str, NDArray[np.float32]]:
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["model_name"]
    return {
        each["name"]: np.array(each["data"], np.float32).reshape(each["shape"])
        for each in answer["outputs"]
    }


def error_of(response: httpx.Response, status: int) -> str:
    """The message of an error, which has the protocol's own shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    (message,) = response.json().values()
    assert list(response.json()) == ["error"]
    assert isinstance(message, str)
    assert message
    return message


def test_the_server_says_what_it_is(client: Client) -> None:
    metadata = client.get("/v2").json()
    assert metadata["name"] == "doodlescope"
    assert set(metadata["extensions"]) == {"binary_tensor_data", "classification"}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_a_model_says_what_it_takes_and_gives(client: Client) -> None:
    metadata = client.get(f"/v2/models/{MODEL}").json()
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 1, 28, 28]}]
    assert [each["name"] for each in metadata["outputs"]] == ["logits", "probabilities"]
    assert all(each["shape"] == [-1, len(CATEGORIES)] for each in metadata["outputs"])
    (version,) = metadata["versions"]
    assert client.get(f"/v2/models/{MODEL}/versions/{version}").json() == metadata
    ready = {"name": MODEL, "ready": True}
    assert client.get(f"/v2/models/{MODEL}/versions/{version}/ready").json() == ready
    assert client.get(f"/v2/models/{MODEL}/ready").json() == ready


@pytest.mark.parametrize("model", [MODEL, "lenet-5", "mobilenet"])
def test_tensors_in_json_give_what_pytorch_gives(client: Client, model: str) -> None:
    body = as_json("input", "FP32", FLOATS, id="seven")
    response = client.post(f"/v2/models/{model}/infer", json=body)
    outputs = outputs_of(response)
    assert response.json()["id"] == "seven"
    logits = expected(FLOATS, model)
    np.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)
    np.testing.assert_allclose(outputs["probabilities"], softmax(logits), atol=1e-5)


def test_nested_data_is_as_good_as_flat(client: Client) -> None:
    body = as_json("input", "FP32", FLOATS)
    flat = outputs_of(client.post(INFER, json=body))
    body["inputs"][0]["data"] = FLOATS.tolist()
    nested = outputs_of(client.post(INFER, json=body))
    np.testing.assert_array_equal(flat["logits"], nested["logits"])


def test_images_are_normalised_as_the_model_wants(client: Client) -> None:
    outputs = outputs_of(client.post(INFER, json=as_json("images", "UINT8", PIXELS)))
    logits = expected(PIXELS[:, None] / 255)
    np.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)


def bfloat16(values: NDArray[np.float32]) -> bytes:
    return torch.from_numpy(values).bfloat16().view(torch.int16).numpy().tobytes()


@pytest.mark.parametrize(
    ("datatype", "data", "rounded"),
    [
        ("FP16", FLOATS.astype(np.float16).tobytes(), FLOATS.astype(np.float16)),
        ("FP32", FLOATS.tobytes(), FLOATS),
        ("FP64", FLOATS.astype(np.float64).tobytes(), FLOATS),
        ("BF16", bfloat16(FLOATS), torch.from_numpy(FLOATS).bfloat16().float().numpy()),
    ],
)
def test_bytes_of_every_float_give_what_pytorch_gives(
    client: Client, datatype: str, data: bytes, rounded: NDArray[Any]
) -> None:
    body, headers = as_binary("input", datatype, [3, 1, 28, 28], data)
    outputs = outputs_of(client.post(INFER, content=body, headers=headers))
    logits = expected(rounded)
    np.testing.assert_allclose(outputs["logits"], logits, atol=1e-4)


def test_outputs_come_as_bytes_where_that_is_asked(client: Client) -> None:
    wanted = [
        {"name": "probabilities", "parameters": {"binary_data": False}},
        {"name": "logits"},
    ]
    more = {"outputs": wanted, "parameters": {"binary_data_output": True}}
    body, headers = as_binary("images", "UINT8", [3, 28, 28], PIXELS.tobytes(), **more)
    response = client.post(INFER, content=body, headers=headers)
    assert response.headers["content-type"] == "application/octet-stream"
    length = int(response.headers[LENGTH])
    header = json.loads(response.content[:length])
    probabilities, logits = header["outputs"]
    assert [probabilities["name"], logits["name"]] == ["probabilities", "logits"]
    assert logits["parameters"] == {"binary_data_size": len(response.content) - length}
    values = np.frombuffer(response.content, "<f4", offset=length).reshape(logits["shape"]).copy()
    np.testing.assert_allclose(values, expected(PIXELS[:, None] / 255), atol=1e-4)
    shares = np.array(probabilities["data"], np.float32).reshape(probabilities["shape"])
    np.testing.assert_allclose(shares, softmax(values), atol=1e-5)


def test_classes_are_the_greatest_values_with_their_labels(client: Client) -> None:
    wanted: dict[str, Any] = {"name": "logits", "parameters": {"classification": 2}}
    answer = client.post(INFER, json=as_json("input", "FP32", FLOATS, outputs=[wanted])).json()
    (output,) = answer["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [3, 2])
    values, indices = torch.from_numpy(expected(FLOATS)).topk(2)
    for text, value, index in zip(
        output["data"], values.ravel().tolist(), indices.ravel().tolist(), strict=True
    ):
        found = text.split(":", 2)
        assert float(found[0]) == pytest.approx(value, abs=1e-3)
        assert found[1:] == [str(index), CATEGORIES[index]]
    wanted["parameters"]["binary_data"] = True
    response = client.post(INFER, json=as_json("input", "FP32", FLOATS, outputs=[wanted]))
    raw = response.content[int(response.headers[LENGTH]) :]
    texts = []
    while raw:
        (size,) = struct.unpack_from("<I", raw)
        texts.append(raw[4 : 4 + size].decode())
        raw = raw[4 + size :]
    assert texts == output["data"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_packed_bodies_are_unpacked(client: Client, encoding: str) -> None:
    body = json.dumps(as_json("images", "UINT8", PIXELS)).encode()
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    headers = {"Content-Encoding": encoding}
    plain = outputs_of(client.post(INFER, content=body))
    unpacked = outputs_of(client.post(INFER, content=packed, headers=headers))
    np.testing.assert_array_equal(plain["logits"], unpacked["logits"])
    assert "not whole" in error_of(client.post(INFER, content=packed[:-9], headers=headers), 400)
    assert error_of(client.post(INFER, content=b"{}", headers=headers), 400)


def test_what_unpacks_to_too_much_is_refused() -> None:
    bomb = gzip.compress(b" " * 2_000_000)
    with running(create_app(Settings(body_bytes=100_000))) as client:
        response = client.post(INFER, content=bomb, headers={"Content-Encoding": "gzip"})
        assert "100000 bytes" in error_of(response, 413)


ONE = as_json("images", "UINT8", PIXELS[:1])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inputs": []}, "at least 1"),
        ({"outputs": [{"name": "guess"}]}, "not guess"),
        ({"outputs": [{"name": "logits", "parameters": {"classification": 346}}]}, "345"),
        ({"parameters": {"priority": 3}}, "priority"),
        ({"surprise": 1}, "surprise"),
        ({"id": "x" * 201}, "200"),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(
    client: Client, change: dict[str, Any], says: str
) -> None:
    assert says in error_of(client.post(INFER, json=ONE | change), 400)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "pixels"}, "pixels"),
        ({"datatype": "INT8"}, "not INT8"),
        ({"datatype": "BYTES"}, "not BYTES"),
        ({"datatype": "FP8"}, "FP8"),
        ({"shape": [1, 28]}, "[1, 28]"),
        ({"shape": [0, 28, 28]}, "[0, 28, 28]"),
        ({"shape": [-1, 28, 28]}, "greater than or equal to 0"),
        ({"shape": [257, 28, 28]}, "256 are allowed"),
        ({"shape": [2, 28, 28]}, "784 values"),
        ({"data": [0] * 783}, "783 values"),
        ({"data": [0] * 783 + [256]}, "has a value that UINT8 has not"),
        ({"data": [0] * 783 + [0.5]}, "0.5"),
        ({"data": [0] * 783 + [True]}, "value 783"),
        ({"data": [0] * 783 + ["1"]}, "value 783"),
        ({"data": [[0] * 28] * 28}, "nested"),
        ({"data": [[[0] * 28] * 27 + [[0]]]}, "nested"),
        ({"data": "AAAA"}, "a list"),
        ({"data": None}, "a list"),
        ({"parameters": {"binary_data_size": 784}}, "both"),
        ({"parameters": {"shared_memory_region": "x"}}, "shared_memory_region"),
    ],
)
def test_wrong_tensors_are_told_what_is_wrong(
    client: Client, change: dict[str, Any], says: str
) -> None:
    body = {"inputs": [ONE["inputs"][0] | change]}
    assert says in error_of(client.post(INFER, json=body), 400)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e39", "-1e400"])
def test_floats_are_finite(client: Client, value: str) -> None:
    tensor = json.dumps(as_json("input", "FP32", FLOATS[:1]))
    body = tensor.replace('"data": [', f'"data": [{value}, ', 1).replace("784", "785")
    body = body[: body.rindex(",")] + "]}]}"
    assert error_of(client.post(INFER, content=body), 400)


def test_bytes_that_do_not_fit_are_refused(client: Client) -> None:
    data = PIXELS.tobytes()
    for cut, says in ((data[:-1], "2351 bytes"), (data + b"\0", "2353 bytes")):
        body, headers = as_binary("images", "UINT8", [3, 28, 28], cut)
        assert says in error_of(client.post(INFER, content=body, headers=headers), 400)
    body, headers = as_binary("images", "UINT8", [3, 28, 28], data)
    message = error_of(client.post(INFER, content=body + b"more", headers=headers), 400)
    assert "2356 bytes follow" in message
    for length in ("-1", "x", "9999999", str(int(headers[LENGTH]) - 3)):
        response = client.post(INFER, content=body, headers={LENGTH: length})
        assert error_of(response, 400)
    nan = np.full((1, 1, 28, 28), np.nan, np.float32).tobytes()
    body, headers = as_binary("input", "FP32", [1, 1, 28, 28], nan)
    assert "not finite" in error_of(client.post(INFER, content=body, headers=headers), 400)


def test_what_is_not_there_is_said_in_the_protocols_shape(client: Client) -> None:
    assert MODEL in error_of(client.get("/v2/models/nobody"), 404)
    assert error_of(client.post("/v2/models/nobody/infer", json=ONE), 404)
    assert error_of(client.get(f"/v2/models/{MODEL}/versions/0"), 404)
    assert error_of(client.get("/v2/nothing", headers={"Accept": "text/html"}), 404)
    assert error_of(client.get(INFER), 405)
    assert error_of(client.post(INFER, content=b"{"), 400)
    assert error_of(client.post(INFER, json=ONE, headers={"Content-Encoding": "br"}), 415)
    assert error_of(client.post(INFER, content=b"[" * 12_582_913), 413)
    assert error_of(client.post(INFER, content=b" " * 2_097_153), 413)


def test_requests_share_batches_with_others(client: Client) -> None:
    """As many at once as there are: each gets its own answer."""
    wanted = expected(FLOATS)

    async def scenario() -> list[httpx.Response]:
        bodies = [as_json("input", "FP32", FLOATS[n % 3 : n % 3 + 1]) for n in range(12)]
        asked = [client.asynchronous.post(INFER, json=body) for body in bodies]
        return list(await asyncio.gather(*asked))

    for number, response in enumerate(client.portal.call(scenario)):
        logits = outputs_of(response)["logits"]
        np.testing.assert_allclose(logits[0], wanted[number % 3], atol=1e-4)


@pytest.fixture(scope="module")
def own() -> Iterator[Client]:
    """A client for an application with models of a user's own."""
    networks = "tests.support.served_networks"
    models = (
        ServedModel(model=f"{networks}:Colours", name="colours", input=("3x6x5",)),
        ServedModel(model=f"{networks}:Tokens", name="tokens", input=("tokens=7:int64",)),
        ServedModel(model=f"{networks}:Halves", name="halves", input=("1x6x6",)),
    )
    with running(create_app(Settings(models=models))) as client:
        yield client


def test_models_of_colour_pictures(own: Client) -> None:
    metadata = own.get("/v2/models/colours").json()
    assert metadata["inputs"][0]["shape"] == [-1, 3, 6, 5]
    assert "[-1, 6, 5, 3]" in metadata["parameters"]["images"]
    images = np.random.default_rng(2).integers(0, 256, (2, 6, 5, 3), np.uint8)
    answer = own.post("/v2/models/colours/infer", json=as_json("images", "UINT8", images))
    values = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        wanted = own.services.catalog.get("colours").module(values).numpy()
    np.testing.assert_allclose(outputs_of(answer)["logits"], wanted, atol=1e-5)
    tensor = as_json("input", "FP32", values.numpy())
    again = outputs_of(own.post("/v2/models/colours/infer", json=tensor))
    np.testing.assert_allclose(again["logits"], wanted, atol=1e-5)


def test_models_of_tokens(own: Client) -> None:
    metadata = own.get("/v2/models/tokens").json()
    (taken,) = metadata["inputs"]
    assert (taken["datatype"], taken["shape"]) == ("INT64", [1, 7])
    tokens = np.array([[3, 1, 4, 1, 5, 9, 2]], np.int64)
    answer = own.post("/v2/models/tokens/infer", json=as_json(taken["name"], "INT64", tokens))
    with torch.inference_mode():
        wanted = own.services.catalog.get("tokens").module(torch.from_numpy(tokens)).numpy()
    np.testing.assert_allclose(outputs_of(answer)["logits"], wanted, atol=1e-5)
    wrong = as_json(taken["name"], "FP32", tokens.astype(np.float32))
    assert "INT64" in error_of(own.post("/v2/models/tokens/infer", json=wrong), 400)


def test_models_without_guesses_say_why(own: Client) -> None:
    assert own.get("/v2/models/halves").json()["outputs"] == []
    body = as_json("input", "FP32", np.zeros((1, 1, 6, 6), np.float32))
    assert "makes no guesses" in error_of(own.post("/v2/models/halves/infer", json=body), 400)


@pytest.fixture(scope="module")
def triton() -> Iterator[Any]:
    """The protocol's own client, unchanged, of a real server."""
    with started_server() as url:
        client = tritonclient.http.InferenceServerClient(url.removeprefix("http://"))
        try:
            yield client
        finally:
            client.close()


def triton_input(name: str, datatype: str, values: NDArray[Any], *, binary: bool) -> Any:
    given = tritonclient.http.InferInput(name, list(values.shape), datatype)
    given.set_data_from_numpy(values, binary_data=binary)
    return given


def test_tritonclient_asks_about_server_and_models(triton: Any) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.get_server_metadata()["name"] == "doodlescope"
    assert triton.is_model_ready(MODEL)
    metadata = triton.get_model_metadata(MODEL)
    (version,) = metadata["versions"]
    assert triton.is_model_ready(MODEL, version)
    assert not triton.is_model_ready("nobody")


@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient_infers(triton: Any, binary: bool) -> None:
    wanted = expected(FLOATS)
    given = triton_input("input", "FP32", FLOATS, binary=binary)
    result = triton.infer(MODEL, [given], request_id="one")
    assert result.get_response()["id"] == "one"
    np.testing.assert_allclose(result.as_numpy("logits"), wanted, atol=1e-4)
    np.testing.assert_allclose(result.as_numpy("probabilities"), softmax(wanted), atol=1e-5)
    asked = [tritonclient.http.InferRequestedOutput("logits", binary_data=binary)]
    pixels = triton_input("images", "UINT8", PIXELS, binary=binary)
    (version,) = triton.get_model_metadata(MODEL)["versions"]
    result = triton.infer(MODEL, [pixels], model_version=version, outputs=asked)
    wanted = expected(PIXELS[:, None] / 255)
    np.testing.assert_allclose(result.as_numpy("logits"), wanted, atol=1e-4)
    assert result.as_numpy("probabilities") is None


@pytest.mark.parametrize("binary", [True, False])
def test_tritonclient_reads_classes(triton: Any, binary: bool) -> None:
    asked = tritonclient.http.InferRequestedOutput("logits", binary_data=binary, class_count=1)
    given = triton_input("input", "FP32", FLOATS, binary=True)
    classes = triton.infer(MODEL, [given], outputs=[asked]).as_numpy("logits").ravel()
    best = expected(FLOATS).argmax(1)
    found = [value.decode() if isinstance(value, bytes) else value for value in classes]
    assert [text.split(":")[2] for text in found] == [CATEGORIES[index] for index in best]


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_tritonclient_packs(triton: Any, packing: str) -> None:
    given = triton_input("input", "FP32", FLOATS, binary=True)
    result = triton.infer(
        MODEL,
        [given],
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    np.testing.assert_allclose(result.as_numpy("logits"), expected(FLOATS), atol=1e-4)


def test_tritonclient_is_told_what_is_wrong(triton: Any) -> None:
    given = triton_input("input", "FP32", FLOATS[:, :, :27], binary=True)
    with pytest.raises(InferenceServerException, match=r"has shape \[-1, 1, 28, 28\]") as refused:
        triton.infer(MODEL, [given])
    assert refused.value.status() == "400"


def test_tritonclient_waits_for_several_at_once(triton: Any) -> None:
    given = [triton_input("input", "FP32", FLOATS[n : n + 1], binary=True) for n in range(3)]
    pending = [triton.async_infer(MODEL, [each]) for each in given]
    for number, each in enumerate(pending):
        logits = each.get_result().as_numpy("logits")
        np.testing.assert_allclose(logits, expected(FLOATS[number : number + 1]), atol=1e-4)
