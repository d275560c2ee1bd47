"""Warm-start, reinforce and evaluate the built-in model: python scripts/demo.py, or make demo."""

from effirl.cli import demo

if __name__ == "__main__":
    demo()
