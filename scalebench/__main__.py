"""``python -m scalebench``: the command line."""

import sys

from scalebench.cli import main

sys.exit(main())
