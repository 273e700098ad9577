"""``python -m server`` is ``doodlescope``."""

from server.cli import main

if __name__ == "__main__":
    main()
