"""Exit with 0 where the server of this container is ready, else with 1: the health check."""

import os
import sys
from http.client import HTTPConnection, HTTPException


def is_ready(port: int) -> bool:
    """Whether /readyz on this machine answers 200 within three seconds."""
    # Not urllib, which would ask a proxy that the environment names.
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(os.environ["DOODLESCOPE_PORT"])) else 1)
