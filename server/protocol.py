"""HTTP/1.1 as uvicorn reads it, with its one error of its own as a problem."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.errors import Problem
from server.problems import MEDIA_TYPE, problem_body


class MalformedRequest(Problem):
    """Bytes that are not an HTTP request, or a method that HTTP does not know."""

    status = 400
    slug = "malformed-request"
    title = "Malformed request"


class ProblemProtocol(HttpToolsProtocol):
    """Answers what cannot be read as a request as every other error is answered.

    Uvicorn answers such bytes itself, in plain text, since no application is called for them.
    """

    def send_400_response(self, msg: str) -> None:
        """Write the problem and close; ``msg`` is uvicorn's sentence on what is wrong."""
        problem = MalformedRequest(f"{msg} Its first line has a method, a path and a version.")
        body = problem_body(problem, "/")
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
