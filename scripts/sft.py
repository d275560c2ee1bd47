"""Warm-start a policy on slow -> better pairs: accelerate launch scripts/sft.py."""

from effirl.config import exit_on_user_error, parse, set_environment
from effirl.training.config import SftConfig


def main() -> None:
    """Parse, then train."""
    set_environment()
    with exit_on_user_error():
        config = parse(SftConfig)
        from effirl.training.sft import train  # torch is slow to import: mistakes are told before

        train(config)


if __name__ == "__main__":
    main()
