"""`python -m hyra` is the command `hyra`."""

import sys

from hyra.cli import main

if __name__ == "__main__":
    sys.exit(main())
