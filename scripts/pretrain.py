"""Pre-train the built-in model: python scripts/pretrain.py --config configs/pretrain.yaml."""

import logging
import os

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that spin while they wait lose more than they win as soon as anything else runs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from effirl.config import exit_on_user_error, parse
from effirl.training.pretrain_config import PretrainConfig


def main() -> None:
    """Parse, then train."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with exit_on_user_error():
        config = parse(PretrainConfig)
        from effirl.training.pretrain import pretrain  # torch is slow to import

        pretrain(config)


if __name__ == "__main__":
    main()
