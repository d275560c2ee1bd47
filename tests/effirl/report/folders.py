"""What training and evaluation leave behind."""

import json
from dataclasses import replace
from pathlib import Path

import yaml

from effirl.data.prompts import WISHES
from effirl.evaluation.results import COMPARED, append_rows
from effirl.report.comparisons import ORDERS
from effirl.scoring import CompletionRow
from tests.effirl.evaluation.rows import correct, failed

SOURCE = "n = int(input())\nfor i in range(n):\n    print(i)\n"
NUM_PROBLEMS = 12
NUM_FAMILIES = 6
GAINS = {
    "runtime": (0.3, 0.1),
    "runtime_memory": (0.2, 0.3),
    "memory": (0.1, 0.3),
    "memory_runtime": (0.3, 0.2),
    "sft": (0.2, 0.2),
    "alpha_0": (0.1, 0.6),
    "alpha_0_5": (0.4, 0.4),
    "alpha_1": (0.6, 0.1),
    "conditioned_0": (0.1, 0.6),
    "conditioned_0_5": (0.4, 0.4),
    "conditioned_1": (0.6, 0.1),
    "correctness_only": (0.2, 0.2),
}
"""Of runtime and memory, by what a study trains."""


def rows(time_gain: float, memory_gain: float, num_wrong: int, program: str) -> list[CompletionRow]:
    found = []
    for i in range(NUM_PROBLEMS):
        spread = 0.02 * (i % 3)
        row = replace(
            correct(i, runtime_s=0.4 / 2 ** (3 * (time_gain + spread))),
            time_gain=time_gain + spread,
            memory_gain=memory_gain + spread,
            program=program,
            source_program=SOURCE,
        )
        if i < num_wrong:
            row = replace(failed(i), source_program=SOURCE)
        family = f"family{i % NUM_FAMILIES}"
        found.append(replace(row, problem_id=f"builtin/{family}/test/{i:04}"))
    return found


def write_training(run: Path, settings: dict[str, object]) -> str:
    """Returns the model."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.yaml").write_text(yaml.safe_dump({"model": "codet5-nano", **settings}))
    log = [{"step": step, "reward/total": step / 10, "loss": 1 / (step + 1)} for step in range(5)]
    (run / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log))
    return str(run / "model")


def write_evaluation(
    folder: Path,
    model: str,
    gains: tuple[float, float],
    *,
    num_wrong: int = 2,
    program: str = "print(1)\n",
    machine: str = "A",
    **settings: object,
) -> Path:
    """Returns the folder."""
    folder.mkdir(parents=True)
    config = {"model": model, "baseline": None, **settings}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    provenance = {key: {"cpu": machine} for key in COMPARED}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    append_rows(folder / "results.jsonl", rows(*gains, num_wrong, program))
    (folder / "metrics.json").write_text("{}")  # written last: the evaluation is finished
    return folder


def write_study(folder: Path, seeds: int = 2, **changed: tuple[float, float]) -> None:
    """Write all that a study has, in which everything holds but for what is changed."""
    gains = {**GAINS, **changed}
    for seed in range(seeds):
        path = folder / f"seed-{seed}"
        write_evaluation(path / "eval-base", "codet5-nano", (0.0, 0.0))
        for one, other in ORDERS:
            order = path / f"phases-{one}-{other}"
            first = write_training(order / one, {"objective": one, "replay_from": [], "seed": seed})
            later = {
                "objective": other,
                "replay_from": [str(order / one)],
                "model": first,
                "seed": seed,
            }
            second = write_training(order / other, later)
            write_evaluation(order / f"eval-{one}", first, gains[one])
            write_evaluation(order / f"eval-{other}", second, gains[f"{one}_{other}"])
            for wish, (runtime, memory) in WISHES.items():
                tags = {"runtime_tag": runtime, "memory_tag": memory}
                asked = order / f"eval-{other}-asked-for-{wish}"
                write_evaluation(asked, second, gains[wish], **tags)
        start = write_training(path / "sft", {"objective": "both", "seed": seed})
        for runtime, memory in ((1, 1), (1, 0), (0, 1)):
            steered = path / "sweep" / f"warm-start-{runtime}-{memory}"
            tags = {"runtime_tag": runtime, "memory_tag": memory}
            write_evaluation(steered, start, gains["sft"], num_wrong=3, **tags)
        runs: dict[str, dict[str, object]] = {
            f"sweep/alpha-{a}-seed-{seed}": {"alpha": a, "max_steps": 24} for a in ("0", "0.5", "1")
        }
        runs["conditioned"] = {"alpha": "conditioned", "max_steps": 24}
        runs["correctness-only"] = {"alpha": "0.5", "efficiency_weight": 0.0}
        for name, settings in runs.items():
            model = write_training(path / name, {"seed": seed, "model": start, **settings})
            if name == "conditioned":
                asked = {f"conditioned_{alpha:g}": alpha for alpha in (0.0, 0.5, 1.0)}
            else:
                asked = {Path(name).name.partition("-seed")[0]: 0.5}
            for key, alpha in asked.items():
                found = gains[key.replace("-", "_").replace(".", "_")]
                write_evaluation(path / name / f"eval-{alpha:g}", model, found, alpha=alpha)
