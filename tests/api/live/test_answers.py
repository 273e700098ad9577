"""The live session: strokes in, guesses and maps out, always of the newest drawing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from server.app import create_app
from server.engine.encode import decode_atlas
from server.settings import Settings
from tests.api.test_lifecycle import SECRET, Gated
from tests.support.drawings import HOUSE, SUN
from tests.support.live import DOT, KEY, changes_of, hold, posted, session_states, until
from tests.support.sockets import PATIENCE, connected, drawer, serving

# What is answered.


def test_increments_give_what_the_whole_drawing_gives_over_http(address: str) -> None:
    with drawer(address, top_k=7) as client:
        for change, whole in changes_of(HOUSE):
            live = client.answer(client.draw(change))
            told = posted(address, "predictions", whole, top_k=7)
            assert {name: live[name] for name in told} == told
        sequence = client.draw({"change": "undo"}, DOT, {"change": "undo"})
        told = posted(address, "predictions", HOUSE[:-1], top_k=7)
        assert client.answer(sequence)["predictions"] == told["predictions"]
        assert client.answer(client.draw({"change": "clear"}))["predictions"] == []
        assert client.answer(client.replace(SUN))["predictions"][0]["label"] == "sun"


def test_watched_layers_come_as_the_inspection_has_them(address: str) -> None:
    with drawer(address, top_k=3) as client:
        told = posted(address, "inspections", HOUSE, top_k=3)
        layers = [layer["name"] for layer in told["layers"]]
        client.send(type="watch", layers=layers, manifest=True)
        answer = client.inspection(client.replace(HOUSE))
        assert answer["manifest"] == told
        assert answer["inspection"] == told["id"]
        assert "predictions" not in answer, "the manifest has them"
        assert answer["layers"] == layers
        atlas = f"http://{address}/api/v1/inspections/{told['id']}/atlas"
        there = httpx.get(atlas, timeout=PATIENCE).content
        whole = decode_atlas(there)[0]["layers"]
        entries: list[Any] = []
        for _ in range(answer["frames"]):
            frame = client.frame()
            header, maps = decode_atlas(frame)
            assert (header["inspection"], header["sequence"]) == (told["id"], answer["sequence"])
            entries += header["layers"]
            for name, values in maps.items():
                assert (values == decode_atlas(there)[1][name]).all()
        for entry, other in zip(entries, whole, strict=True):
            assert entry | {"offset": 0} == other | {"offset": 0}


def test_only_maps_that_are_missing_are_sent(address: str) -> None:
    with drawer(address) as client:
        sequence = client.replace(SUN)
        assert "inspection" not in client.answer(sequence)
        client.send(type="watch", layers=["stem_convolution"])
        answer = client.inspection(sequence)
        assert (answer["layers"], answer["frames"]) == (["stem_convolution"], 1)
        assert "manifest" not in answer
        assert list(decode_atlas(client.frame())[1]) == ["stem_convolution"]
        client.send(type="watch", layers=["stem_convolution", "linear"])
        assert client.inspection(sequence)["layers"] == ["linear"]
        assert list(decode_atlas(client.frame())[1]) == ["linear"]
        client.send(type="watch")
        again = client.answer(client.draw())
        assert "inspection" not in again
        assert again["predictions"] == answer["predictions"]


def test_another_model_answers_where_it_is_named(address: str) -> None:
    with drawer(address, model="lenet-5") as client:
        told = posted(address, "predictions", SUN, model="lenet-5")
        answer = client.answer(client.replace(SUN))
        assert {name: answer[name] for name in told} == told


def test_pings_are_answered(address: str) -> None:
    with drawer(address) as client:
        client.send(type="ping", id=7)
        assert client.message() == {"type": "pong", "id": 7}


# What is dropped, and who comes next.


def test_the_newest_state_wins_and_older_ones_are_dropped(
    gated: tuple[str, Gated, FastAPI],
) -> None:
    served, module, app = gated
    with drawer(served) as client:
        first = hold(module, client)
        for _ in range(20):
            newest = client.draw(DOT, {"change": "undo"})
        until(lambda: session_states(app) == [newest])
        module.gate.set()
        assert client.message()["sequence"] == first
        assert client.message()["sequence"] == newest
        assert module.batches == [1, 1]
        metrics = httpx.get(f"http://{served}/metrics", timeout=PATIENCE).text
        assert 'doodlescope_live_updates_total{kind="guesses",outcome="answered"} 2.0' in metrics
        assert 'doodlescope_live_updates_total{kind="guesses",outcome="dropped"} 19.0' in metrics
        assert "doodlescope_live_connections 1.0" in metrics


def test_drawers_share_batches(gated: tuple[str, Gated, FastAPI]) -> None:
    served, module, app = gated
    with (
        drawer(served) as one,
        drawer(served) as two,
        drawer(served) as three,
        drawer(served) as four,
    ):
        hold(module, one)
        # One more batch is rendered while the first one runs; whoever comes then shares the next.
        for client in (two, three, four):
            client.replace(HOUSE)
        until(lambda: session_states(app) == [1, 1, 1, 1])
        module.gate.set()
        for client in (one, two, three, four):
            client.answer(client.sequence)
        assert sum(module.batches) == 4
        assert len(module.batches) <= 3


def test_a_model_that_fails_fails_its_own_answers_only(
    gated: tuple[str, Gated, FastAPI], caplog: pytest.LogCaptureFixture
) -> None:
    served, module, _ = gated
    with drawer(served) as client:
        module.failing = True
        sequence = client.replace(SUN)
        told = client.message()
        assert (told["type"], told["sequence"]) == ("problem", sequence)
        assert told["problem"]["status"] == 500
        assert SECRET not in json.dumps(told)
        module.failing = False
        assert client.answer(client.draw())["predictions"]
    assert caplog.records, "the log has the reason"


# Guesses and layers.


def test_both_kinds_of_answers_of_a_state_are_the_same_guesses(address: str) -> None:
    with drawer(address, top_k=3) as client:
        client.send(type="watch", layers=["stem_convolution"])
        sequence = client.replace(HOUSE)
        told: dict[str, dict[str, Any]] = {}
        while len(told) < 2:
            data = client.connection.recv(timeout=PATIENCE)
            if isinstance(data, str):
                message = json.loads(data)
                assert message["sequence"] == sequence
                told[message["type"]] = message
        guesses, layers = told["prediction"], told["inspection"]
        assert [guess["label"] for guess in guesses["predictions"]] == [
            guess["label"] for guess in layers["predictions"]
        ]
        for one, other in zip(guesses["predictions"], layers["predictions"], strict=True):
            assert one["logit"] == pytest.approx(other["logit"], abs=1e-4)
        assert guesses["unknown"] == layers["unknown"]
        assert not {"inspection", "layers", "frames", "manifest"} & guesses.keys()


def test_an_empty_drawing_has_no_inspection(address: str) -> None:
    with drawer(address) as client:
        client.send(type="watch", layers=["stem_convolution"])
        client.inspection(client.replace(SUN))
        client.frame()
        emptied = client.answer(client.draw({"change": "clear"}))
        assert emptied["predictions"] == []
        assert "unknown" not in emptied
        client.send(type="ping", id=5)
        assert client.message() == {"type": "pong", "id": 5}


def test_what_is_wrong_with_a_watched_drawing_is_said_once(
    gated: tuple[str, Gated, FastAPI], caplog: pytest.LogCaptureFixture
) -> None:
    served, module, _ = gated
    with drawer(served) as client:
        client.send(type="watch", manifest=True)
        module.failing = True
        sequence = client.replace(SUN)
        told = client.message()
        assert (told["type"], told["sequence"]) == ("problem", sequence)
        client.send(type="ping", id=1)
        assert client.message() == {"type": "pong", "id": 1}
        module.failing = False
        assert client.inspection(client.draw())["manifest"]["predictions"]
    assert caplog.records


def test_guesses_and_layers_of_a_state_count_as_one_request(long_minute: None) -> None:
    chosen = Settings(api_keys=(SecretStr(f"alice:{KEY}"),), key_requests=6)
    with serving(create_app(chosen), chosen) as served:
        key = {"X-API-Key": KEY}
        with connected(served, additional_headers=key) as client:
            assert client.hello()["type"] == "ready"  # the handshake is one, too
            client.send(type="watch", layers=["stem_convolution"])
            for number in range(5):
                client.inspection(client.replace([[[0, 9 + number], [0, 9]]]))
                client.frame()
            client.replace(SUN)
            while (told := client.message())["type"] == "prediction":
                pass
            assert told["problem"]["status"] == 429
