"""Measure a policy: EffiBench's six metrics, pass@k, %Opt, speedup, memory reduction.

python scripts/evaluate.py --model runs/ppo-20260131-142530/model --baseline codet5-nano
python scripts/evaluate.py --model source        # a control that must read 1
"""

from effirl.cli import evaluate

if __name__ == "__main__":
    evaluate()
