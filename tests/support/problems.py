"""The one shape of every error."""

from __future__ import annotations

from typing import Any

import httpx

from server.schemas.problems import ProblemDetails

LEAKS = ("Traceback", 'File "', ".py", "/site-packages", "<locals>", "0x7f")


def assert_problem(
    response: httpx.Response, status: int, pointer: str | None = None
) -> dict[str, Any]:
    """Check that a response is a problem of that status, whole and without inner workings."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in response.headers["content-security-policy"]
    problem: dict[str, Any] = response.json()
    ProblemDetails.model_validate(problem)
    assert set(problem) <= set(ProblemDetails.model_fields)
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"]) < 400
    assert problem["instance"] == response.request.url.path
    assert not [leak for leak in LEAKS if leak in response.text]
    if pointer is not None:
        assert problem.get("pointer") == pointer, problem
    return problem
