"""`python -m benchmarks` is `nearturn bench`."""

from __future__ import annotations

import sys

from server.cli.app import main

if __name__ == "__main__":
    sys.argv[1:1] = ["bench"]
    main()
