"""Reinforce a policy on measured runtime and memory: accelerate launch scripts/ppo.py."""

from effirl.config import exit_on_user_error, parse, set_environment
from effirl.training.config import PpoConfig
from effirl.training.reward import start_reward


def main() -> None:
    """Parse, start the reward's workers, then train."""
    set_environment()
    with exit_on_user_error():
        config = parse(PpoConfig)
        with start_reward(config) as reward:
            # After the workers: what they measure must not hold torch's memory.
            from effirl.training.ppo import train

            train(config, reward)


if __name__ == "__main__":
    main()
