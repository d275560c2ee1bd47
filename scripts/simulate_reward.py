"""Price logged rollouts anew: python scripts/simulate_reward.py --rollouts FILE --alpha 1."""

from effirl.cli import simulate_reward

if __name__ == "__main__":
    simulate_reward()
