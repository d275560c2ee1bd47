"""Make PIE's test cases large enough to measure, and say what they make visible.

python scripts/make_inputs.py --data-path ../shared/data/pie --num-problems 20
"""

from effirl.cli import make_inputs

if __name__ == "__main__":
    make_inputs()
