"""The one door to every data set: a name in, checked `Problem` rows out."""

from pathlib import Path

from effirl.data import catalog, effibench, mercury, nofuneval, pie
from effirl.data.problems import LoadedProblems
from effirl.errors import UserError

DATA_SETS = ("builtin", "pie", "nofuneval", "resource_util", "effibench", "mercury")
DATA_HELP = f"Data set: {', '.join(DATA_SETS)}."
DATA_PATH_HELP = "Files of the data set, or a hub id; default: its copy on the hub."
EDITS_SET = "resource_util"
"""Its programs cannot be run: it is scored by the text of the edits."""
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
    if limit is not None and limit < 1:
        raise UserError(
            f"limit must be at least 1, got {limit}; leave it out to load every problem"
        )
    match data:
        case "builtin":
            loaded = _from_catalog(data_path, split, limit, require_tests)
        case "pie":
            loaded = pie.load(data_path, split, limit=limit, require_tests=require_tests)
        case "nofuneval":
            loaded = nofuneval.load_runtime_efficiency(
                data_path, split, limit=limit, require_tests=require_tests
            )
        case "resource_util" if require_tests:
            raise UserError(
                "the programs of resource_util cannot be run: it has no tests; evaluate it by "
                "scripts/evaluate.py, which compares edits, or take another data set"
            )
        case "resource_util":
            loaded = nofuneval.load_resource_util(
                data_path, split, limit=limit, languages=languages
            )
        case "effibench":
            loaded = effibench.load(data_path, split, limit=limit, require_tests=require_tests)
        case "mercury":
            loaded = mercury.load(data_path, split, limit=limit, require_tests=require_tests)
        case _:
            raise UserError(f"data must be one of {', '.join(DATA_SETS)}, got {data!r}")
    if not loaded.problems:
        dropped = ", ".join(f"{count} {reason}" for reason, count in loaded.dropped.items())
        raise UserError(
            f"split {split!r} of {data} has no usable problem (left out: {dropped or 'none'}); "
            "try another split"
        )
    return loaded


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
