"""The command line as ``python -m eventsim``."""

import sys

from eventsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
