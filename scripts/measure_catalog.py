"""Measure every family of the built-in catalog, and prove what it claims.

python scripts/measure_catalog.py --instances 3 --output docs
"""

import argparse
import logging
import sys
from pathlib import Path

from effirl.config import exit_on_user_error
from effirl.data.catalog.measuring import failed_claims, measure_all
from effirl.data.catalog.report import table


def main() -> None:
    """Parse, measure, show the table; exit with status 1 and the names of claims that fail."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Measure the built-in catalog.")
    parser.add_argument("--instances", type=int, default=3, help="measured of each family")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="where the page goes")
    options = parser.parse_args()
    with exit_on_user_error():
        rows = measure_all(options.instances, options.output, sys.argv[1:])
    sys.stdout.write(table(rows))
    failures = failed_claims(rows)
    sys.stdout.write("".join(f"claim fails: {failure}\n" for failure in failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
