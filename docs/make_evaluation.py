"""Writes evaluation.md beside it: every figure of the report, from the code that computes it."""

from pathlib import Path

from effirl.evaluation.metric_table import HEADLINE, sections
from effirl.evaluation.report_text import method

OUTPUT = Path(__file__).with_name("evaluation.md")
HEADER = """# Evaluation

<!-- made by docs/make_evaluation.py: change the metrics, not this page -->

    effirl evaluate --model runs/ppo-DATE/model --baseline runs/sft-DATE/model

samples `--num-samples` programs for each problem of `--data` and `--split`, judges them on the
tests, measures those that are right beside their source programs, and says how the two models
differ, with intervals. It ends with five figures to look at first. What a model was trained on is
left out, and counted; figures of two machines, meters or levels of isolation are never put
together.

| `--model` | evaluates |
|---|---|
| a folder, a hub name, `codet5-nano` | what the policy writes |
| `source` | a control: the source programs themselves, which must read 1 |
| `target` | the data set's own improved programs |
| `--completions FILE.jsonl`, in place of it | what any other model wrote |

`--split test` has unseen instances of the built-in families, `transfer` unseen families. A file of
completions has a row for each: `problem_id` and `completion`, for `pie` also `source_program`, as
it has several for a problem. Empty and duplicate ones are counted, problems without any are named.

`--data pie --known-programs 8` also measures up to eight other accepted programs of each problem,
drawn from the problems that are evaluated, and says which share of them a completion beats.

## What is written

    runs/eval-DATE/
        index.html  report.md       all figures, for reading
        metrics.json                the same, with intervals
        differences.json            of the two models, on all problems and on those both solve
        results.jsonl  .parquet     each completion: program, status, gains, measurements
        baseline/                   the other model's

The same command goes on where it was stopped, and measures nothing twice. Evaluations that are to
be compared can share what they measure (`--measurements FOLDER`), as those of a sweep, of phases,
of the study, of the demo and of `--baseline` do: a program that both write is then no difference
between them.

## How
"""


def text() -> str:
    """Return the page."""
    first = ", ".join(f"`{name}` ({title})" for name, title in HEADLINE.items())
    parts = [
        f"{HEADER}\n{method()}\n\nThe five to look at first: {first}.\n",
        *(_section(title, metrics) for title, metrics in sections(4).items()),
    ]
    return "\n".join(parts)


def _section(title: str, metrics: list) -> str:
    rows = "".join(f"| `{m.name}` | {m.better} | {m.meaning} |\n" for m in metrics)
    return f"## {title}\n\n| figure | better | meaning |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
