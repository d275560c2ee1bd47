"""Train at several balances of runtime and memory: python scripts/sweep.py --alphas 0 0.5 1."""

from effirl.cli import sweep

if __name__ == "__main__":
    sweep()
