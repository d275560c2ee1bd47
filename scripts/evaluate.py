"""Measure a policy: EffiBench's six metrics, pass@k, %Opt, speedup, memory reduction.

python scripts/evaluate.py --model runs/ppo-20260131-142530/model --baseline codet5-nano
python scripts/evaluate.py --model source        # a control that must read 1
"""

import logging
import sys

from effirl.config import exit_on_user_error, parse, set_environment
from effirl.evaluation.config import EvaluateConfig


def main() -> None:
    """Parse, evaluate, and show the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    set_environment()
    with exit_on_user_error():
        config = parse(EvaluateConfig)
        from effirl.evaluation.run import evaluate  # torch is slow to import

        sys.stdout.write(evaluate(config))


if __name__ == "__main__":
    main()
