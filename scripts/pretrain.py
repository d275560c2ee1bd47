"""Pre-train the built-in model: python scripts/pretrain.py --config configs/pretrain.yaml."""

from effirl.cli import pretrain

if __name__ == "__main__":
    pretrain()
