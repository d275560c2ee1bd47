"""The one door to every data set: a name in, checked `Problem` rows out."""

from collections.abc import Mapping
from pathlib import Path

from effirl.data import catalog, effibench, jsonl, mercury, nofuneval, pie
from effirl.data.problems import LoadedProblems
from effirl.errors import UserError

DATA_SETS = ("builtin", "jsonl", "pie", "nofuneval", "resource_util", "effibench", "mercury")
DATA_HELP = f"Data set: {', '.join(DATA_SETS)}; jsonl is a file of yours."
DATA_PATH_HELP = "Files of the data set, or a hub id; default: its copy on the hub."
EDITS_SET = "resource_util"
"""Its programs cannot be run: it is scored by the text of the edits."""
ALL_SPLITS: Mapping[str, tuple[str, ...]] = {
    "builtin": ("train", "validation", "test", "transfer"),
    "jsonl": ("all",),
    "pie": ("all",),
    "mercury": ("train", "validation", "test"),
}
"""What together is the whole of a data set; of the others `test` is every row."""
EVALUATION_SETS = ("nofuneval", "resource_util", "effibench")
"""Made to compare models with: training on them is refused unless it is asked for by name."""


def load_problems(
    data: str,
    *,
    data_path: Path | None = None,
    split: str = "train",
    limit: int | None = None,
    require_tests: bool = True,
    languages: str = "all",
) -> LoadedProblems:
    """Load a split of a data set, with what was left out and why.

    Args:
        data: One of `DATA_SETS`; `builtin` is the catalog, with nothing to download.
        data_path: The original files or a local folder of a data set that is not in the package, or
            a hub id; None for its copy on the hub.
        split: Each data set names its own in its error message.
        limit: Keep so many problems: the first ones of a file, and an even spread of the catalog,
            where neighbours are of one family.
        require_tests: Whether the problems will be run. The warm start only reads programs: without
            tests most data loads faster and PIE yields more pairs. Without effect on
            `resource_util`, which has no tests.
        languages: Those of `resource_util` to keep, with commas, or `all`.

    Raises:
        UserError: If the name, the path, the split or a row is wrong, or no problem is left.
    """
    loaded = _load(data, data_path, split, limit, require_tests, languages)
    if not loaded.problems:
        remedy = ", or give some rows this `split`" if data == "jsonl" else ""
        raise UserError(
            f"split {split!r} of {data} has no usable problem {_left_out(loaded)}; "
            f"try another split{remedy}"
        )
    return loaded


def load_whole(
    data: str,
    *,
    data_path: Path | None = None,
    limit: int | None = None,
    require_tests: bool = True,
) -> LoadedProblems:
    """Load all splits of a data set.

    Args:
        data: As for `load_problems`.
        data_path: As for `load_problems`.
        limit: Keep so many problems of each split, and of all.
        require_tests: As for `load_problems`.

    Raises:
        UserError: As for `load_problems`.
    """
    whole = LoadedProblems([])
    for split in ALL_SPLITS.get(data, ("test",)):
        part = _load(data, data_path, split, limit, require_tests, "all")
        whole.problems = (whole.problems + part.problems)[:limit]
        whole.dropped += part.dropped
    if not whole.problems:
        raise UserError(f"{data} has no usable problem {_left_out(whole)}; check --data-path")
    return whole


def _left_out(loaded: LoadedProblems) -> str:
    dropped = ", ".join(f"{count} {reason}" for reason, count in loaded.dropped.items())
    return f"(left out: {dropped or 'none'})"


def _load(
    data: str,
    data_path: Path | None,
    split: str,
    limit: int | None,
    require_tests: bool,
    languages: str,
) -> LoadedProblems:
    if limit is not None and limit < 1:
        raise UserError(
            f"limit must be at least 1, got {limit}; leave it out to load every problem"
        )
    match data:
        case "builtin":
            return _from_catalog(data_path, split, limit, require_tests)
        case "jsonl":
            return jsonl.load(data_path, split, limit=limit, require_tests=require_tests)
        case "pie":
            return pie.load(data_path, split, limit=limit, require_tests=require_tests)
        case "nofuneval":
            return nofuneval.load_runtime_efficiency(
                data_path, split, limit=limit, require_tests=require_tests
            )
        case "resource_util" if require_tests:
            raise UserError(
                "the programs of resource_util cannot be run: it has no tests; evaluate it by "
                "scripts/evaluate.py, which compares edits, or take another data set"
            )
        case "resource_util":
            return nofuneval.load_resource_util(data_path, split, limit=limit, languages=languages)
        case "effibench":
            return effibench.load(data_path, split, limit=limit, require_tests=require_tests)
        case "mercury":
            return mercury.load(data_path, split, limit=limit, require_tests=require_tests)
        case _:
            raise UserError(f"data must be one of {', '.join(DATA_SETS)}, got {data!r}")


def refuse_evaluation_set(data: str, is_allowed: bool) -> None:
    """Raise a `UserError` for training on an evaluation set, unless that was asked for by name."""
    if data in EVALUATION_SETS and not is_allowed:
        raise UserError(
            f"{data} is an evaluation set: a model trained on it can no longer be compared on it; "
            "train on pie or builtin, or insist with --allow-evaluation-data"
        )


def _from_catalog(
    data_path: Path | None, split: str, limit: int | None, require_tests: bool
) -> LoadedProblems:
    if data_path is not None:
        raise UserError(
            "data set builtin is in the package; leave out --data-path or name another data set"
        )
    loaded = catalog.load(split, with_tests=require_tests)
    num_found = len(loaded.problems)
    num_kept = min(num_found, limit or num_found)
    kept = [loaded.problems[i * num_found // num_kept] for i in range(num_kept)]
    return LoadedProblems(kept, loaded.dropped)
