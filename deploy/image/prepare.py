"""Start the server without listening, ask it for one prediction, and stop it.

What a first start and a first request compile or export is then in the caches that the environment
names: the image carries them. Run while it is built.
"""

import asyncio
import json

from fastapi import FastAPI
from starlette.types import Message, Scope

from server.app import create_app

BODY = json.dumps({"drawing": [[[0, 255, 255, 0, 0], [0, 0, 255, 255, 0]]]}).encode()
PREDICTION: Scope = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/api/v1/predictions",
    "raw_path": b"/api/v1/predictions",
    "query_string": b"",
    "root_path": "",
    "headers": [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(BODY)).encode()),
    ],
    "client": ("127.0.0.1", 0),
    "server": ("127.0.0.1", 0),
}


async def predicted(app: FastAPI) -> int:
    """The status of the answer to a request for a prediction."""
    statuses: list[int] = []
    sent = iter([BODY])

    async def receive() -> Message:
        for body in sent:
            return {"type": "http.request", "body": body, "more_body": False}
        # Whatever came now would be taken for a client that leaves.
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(dict(PREDICTION), receive, send)
    return statuses[0]


async def prepare() -> None:
    """Start, answer, stop.

    Raises:
        NotReady: it started, but cannot be asked.
        RuntimeError: the answer is no prediction.
    """
    app = create_app()
    async with app.router.lifespan_context(app):
        app.state.readiness.check()
        status = await predicted(app)
        if status != 200:
            raise RuntimeError(f"The server answered with status {status}.")


if __name__ == "__main__":
    asyncio.run(prepare())
