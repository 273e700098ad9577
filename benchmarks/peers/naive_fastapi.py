"""FastAPI and PyTorch as most begin: an endpoint that runs the model, one request at a time.

The endpoint is a plain ``def``, so it runs in FastAPI's pool of threads; PyTorch has its own number
of threads.

    python -m benchmarks.peers.naive_fastapi PORT
"""

import sys
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.common_network import common
from benchmarks.peers.answers import answer

app = FastAPI()
network = common()


class Question(BaseModel):
    bitmap: list[int]
    model: str
    top_k: int = 5


@app.post("/predict")
def predict(question: Question) -> dict[str, Any]:
    image = torch.tensor(question.bitmap, dtype=torch.float32).reshape(1, 1, 28, 28) / 255
    with torch.inference_mode():
        probabilities, indices = network(image)[0].softmax(0).topk(question.top_k)
    return answer(indices.tolist(), probabilities.tolist())


if __name__ == "__main__":
    # The access log would cost it more than it tells.
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
