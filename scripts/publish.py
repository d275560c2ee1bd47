"""Give a finished run to others: python scripts/publish.py runs/ppo-DATE --to OWNER/NAME."""

from effirl.cli import publish

if __name__ == "__main__":
    publish()
