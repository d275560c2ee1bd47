"""Train for runtime, then for memory: python scripts/phases.py --config configs/phases.yaml."""

from effirl.cli import phases

if __name__ == "__main__":
    phases()
