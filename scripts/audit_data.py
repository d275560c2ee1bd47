"""Measure every pair of a data set anew, beside what the data set claims.

python scripts/audit_data.py --data pie --data-path ../shared/data/pie --limit 20
"""

from effirl.cli import audit

if __name__ == "__main__":
    audit()
