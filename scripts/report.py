"""Answer whether tuning helped from run folders: python scripts/report.py runs/sweep-DATE."""

from effirl.cli import report

if __name__ == "__main__":
    report()
