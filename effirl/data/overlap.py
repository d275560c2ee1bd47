"""The guard against evaluating a model on what it was trained on.

A training run writes `trained_on.json`: the problems, submissions and programs that it and the runs
before it learnt from. The file lies in the run folder and in its `model/`, so that it goes where
the model goes. Evaluation leaves out what overlaps, and counts it. A model without the file (from
the hub, say) is taken to have seen nothing of ours.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from effirl.data.problems import LoadedProblems, Problem
from effirl.errors import UserError
from effirl.files import write_whole
from rewards.extraction import normalise

RECORD_FILE = "trained_on.json"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What some problems could give away of others."""

    problem_ids: frozenset[str] = frozenset()
    submission_ids: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    """Digests of the source programs and targets, without comments and layout."""

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "Footprint":
        listed = list(problems)
        return cls(
            frozenset(problem.problem_id for problem in listed),
            frozenset(name for problem in listed for name in problem.submission_ids),
            frozenset(_digest(program) for problem in listed for program in problem.programs),
        )

    def __or__(self, other: "Footprint") -> "Footprint":
        return Footprint(
            self.problem_ids | other.problem_ids,
            self.submission_ids | other.submission_ids,
            self.programs | other.programs,
        )

    def overlap(self, problem: Problem) -> str | None:
        """Say what of a problem is in here, None if nothing is."""
        if problem.problem_id in self.problem_ids:
            return "problem"
        if not self.submission_ids.isdisjoint(problem.submission_ids):
            return "submission"
        if any(_digest(program) in self.programs for program in problem.programs):
            return "program"
        return None


def leave_out(loaded: LoadedProblems, seen: Footprint, reason: str) -> LoadedProblems:
    """Leave out the problems that overlap, counted as "same problem <reason>" and the like.

    Raises:
        UserError: If no problem is left.
    """
    kept = LoadedProblems([], loaded.dropped.copy())
    for problem in loaded.problems:
        if overlap := seen.overlap(problem):
            kept.dropped[f"same {overlap} {reason}"] += 1
        else:
            kept.problems.append(problem)
    if not kept.problems:
        raise UserError(
            f"all {len(loaded.problems)} problems have the same problem id, submission or program "
            f"{reason}; take another split or data set"
        )
    return kept


def record_training(run_path: Path, footprint: Footprint, start: str) -> None:
    """Write down what a run trains on, with what the model that it starts from was trained on.

    Args:
        run_path: Run folder.
        footprint: Of all problems that it may learn from.
        start: Folder of that model.

    Raises:
        UserError: If the record of that model is unreadable.
    """
    seen = footprint | trained_on(start)
    values = {name: sorted(ids) for name, ids in asdict(seen).items()}
    write_whole(run_path / RECORD_FILE, json.dumps(values, indent=1) + "\n")


def trained_on(model: str) -> Footprint:
    """Return what the model in a folder was trained on, as far as that folder or its run's says.

    Raises:
        UserError: If the record is unreadable.
    """
    for folder in (Path(model), Path(model).parent):  # model/ and checkpoint-N/ are in a run
        path = folder / RECORD_FILE
        if Path(model).is_dir() and path.is_file():
            return _read(path)
    return Footprint()


def _read(path: Path) -> Footprint:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Footprint(
            **{field.name: frozenset(values[field.name]) for field in fields(Footprint)}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} does not say what the model was trained on ({error!r:.80}); restore the file, "
            "or remove it if the model shall count as trained on nothing"
        ) from error


def _digest(program: str) -> str:
    return hashlib.sha256(normalise(program).encode()).hexdigest()[:16]
