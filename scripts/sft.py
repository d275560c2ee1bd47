"""Warm-start a policy on slow -> better pairs: accelerate launch scripts/sft.py."""

from effirl.cli import sft

if __name__ == "__main__":
    sft()
