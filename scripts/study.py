"""Run the whole study and write its report: python scripts/study.py --config configs/study.yaml."""

from effirl.cli import study

if __name__ == "__main__":
    study()
