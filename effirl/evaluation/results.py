"""The files of an evaluation that make it resumable: results.jsonl and provenance.json."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from effirl.data.perf_inputs.loading import provenance_of
from effirl.data.problems import Problem
from effirl.errors import UserError
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.meter import meter_settings
from effirl.files import read_records, write_whole
from effirl.model_files import BUILTIN_FOLDERS
from effirl.runs import (
    WEIGHT_FILES,
    read_provenance,
    read_settings,
    refuse_other_provenance,
    tell_apart,
)
from effirl.scoring import CompletionRow
from rewards.executor import Pool

RESULTS_FILE = "results.jsonl"
BASELINE_FOLDER = "baseline"
"""In an evaluation's folder: the results of the model that its model is compared with."""
COMPARED: Final = (
    "machine", "meter", "isolation", "problems", "performance_inputs", "sampling",
)  # fmt: skip
"""What must be equal before figures are put side by side."""


def model_folders(folder: Path) -> tuple[Path, Path]:
    """Return where the results of the model go, and those of the one that it is compared with."""
    return folder, folder / BASELINE_FOLDER


def load_evaluation(folder: Path) -> Evaluation:
    """Return what a finished evaluation wrote.

    Raises:
        UserError: If the folder holds no evaluation, or one of another version.
    """
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no {RESULTS_FILE}; give the folder of an evaluation")
    rows = _parse(path)
    num_samples = max(Counter(row.problem_index for row in rows).values(), default=1)
    rows.sort(key=lambda row: (row.problem_index, row.sample))
    return Evaluation(str((read_settings(folder) or {}).get("model", folder)), num_samples, rows)


def read_rows(
    path: Path, num_samples: int, timed: Collection[int] = frozenset()
) -> list[CompletionRow]:
    """Read the completions of every problem that was finished, and cut the file back to them.

    The last line may be half-written, and the last problems may lack some of their completions:
    both are what a kill leaves behind, so they are dropped and made again. So is a problem of which
    we failed to run or measure a completion.

    Args:
        path: Of the completions; nothing there is nothing done.
        num_samples: Completions of each problem.
        timed: Problems that have performance inputs: of a correct completion, something is known.

    Raises:
        UserError: If a line before the last is unreadable.
    """
    if not path.is_file():
        return []
    rows = _parse(path)
    counts = Counter(row.problem_index for row in rows)
    failed = {
        row.problem_index
        for row in rows
        if not row.is_scored
        or row.is_half_measured
        or (row.problem_index in timed and row.is_unmeasured)
    }
    whole = [
        row
        for row in rows
        if counts[row.problem_index] == num_samples and row.problem_index not in failed
    ]
    write_whole(path, "".join(map(_line, whole)))
    return whole


def _parse(path: Path) -> list[CompletionRow]:
    return read_records(path, CompletionRow.from_json, "a result")


def append_rows(path: Path, rows: Sequence[CompletionRow]) -> None:
    """Add completions to the file, and let no later crash of ours lose them."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(map(_line, rows)))


def conditions(pool: Pool) -> dict[str, object]:
    """Describe what decides a figure besides the programs: machine, meter and isolation."""
    isolation = pool.isolation
    return {
        "machine": dict(pool.machine),
        "meter": meter_settings(),
        "isolation": {
            "level": isolation.level,
            **{name: found.is_on for name, found in isolation.mechanisms.items()},
        },
    }


def check_provenance(
    folder: Path,
    problems: Sequence[Problem],
    models: Sequence[str],
    measured_under: Mapping[str, object],
) -> None:
    """Write down on what the folder's results stand, or refuse to add results that differ.

    Args:
        folder: Of the results.
        problems: That are evaluated.
        models: That are evaluated.
        measured_under: `conditions`, or nothing where nothing is run.

    Raises:
        UserError: If earlier results are of another machine, meter or isolation, of other problems
            or other weights.
    """
    refuse_other_provenance(
        folder,
        {
            **measured_under,
            **provenance_of(problems),
            "weights": {model: _digest_of(model) for model in models},
        },
    )


def check_comparable(folders: Sequence[Path]) -> None:
    """Refuse to put figures together that were not measured alike, on the same problems.

    Raises:
        UserError: Naming two folders, and what differs.
    """
    first, *others = folders
    wanted = read_provenance(first)
    for name in COMPARED:
        if name not in wanted:
            raise UserError(
                f"{first} does not say its {name}: an older version made it; evaluate again"
            )
    for folder in others:
        found = read_provenance(folder)
        for name in COMPARED:
            if found.get(name) != wanted[name]:
                raise UserError(
                    f"{first} and {folder} cannot be put together: they differ in {name} "
                    f"({tell_apart(wanted[name], found.get(name))}); evaluate both alike"
                )


def _digest_of(model: str) -> str:
    """Digest what a model's name stands for; empty for a control, and for a name of the hub."""
    return weights_digest(BUILTIN_FOLDERS.get(model, Path(model)))


def weights_digest(folder: Path) -> str:
    """Return a digest of a model folder's weights or a file of completions, empty for a name."""
    digest = hashlib.sha256()
    if folder.is_file():
        return hashlib.sha256(folder.read_bytes()).hexdigest()[:16]
    found = [folder / name for name in WEIGHT_FILES if (folder / name).is_file()]
    found += sorted(folder.glob("*-of-*.safetensors"))
    for path in found:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16] if found else ""


def _line(row: CompletionRow) -> str:
    return json.dumps(row.to_json()) + "\n"
