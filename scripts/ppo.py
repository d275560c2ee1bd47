"""Reinforce a policy on measured cost: accelerate launch scripts/ppo.py --alpha 0.5."""

from effirl.cli import ppo

if __name__ == "__main__":
    ppo()
