"""Train at several balances of runtime and memory, and draw the trade-off.

python scripts/sweep.py --alphas 0 0.25 0.5 0.75 1
"""

import logging
import sys

from effirl.config import exit_on_user_error, parse, set_environment
from effirl.evaluation.config import SweepConfig


def main() -> None:
    """Parse, sweep, and show the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    set_environment()
    with exit_on_user_error():
        config = parse(SweepConfig)
        from effirl.sweep import sweep  # torch is slow to import

        sys.stdout.write(sweep(config))


if __name__ == "__main__":
    main()
