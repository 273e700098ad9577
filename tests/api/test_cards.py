"""The page of a model's card."""

from __future__ import annotations

import json
import re

import pytest

from models import load_model, model_names
from tests.support.asgi import Client


@pytest.mark.parametrize("name", model_names())
def test_every_shipped_model_has_one(client: Client, name: str) -> None:
    response = client.get(f"/models/{name}/card")
    assert response.status_code == 200
    card = load_model(name).card
    text = re.sub(r"\s+", " ", response.text)
    assert card["trained"]["command"] in text
    assert "Creative Commons Attribution 4.0" in text
    assert f"{card['accuracy']['test']['top1']:.1%}".replace("%", " %") in text
    assert f"{card['parameters']:,}" in text
    for limit in card["limits"]:
        assert limit.split("`")[0][:40] in text


def test_others_have_none(client: Client) -> None:
    response = client.get("/models/oracle/card")
    assert response.status_code == 404
    assert json.loads(response.content)["value"] == "oracle"
