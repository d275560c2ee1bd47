"""The one door to every data set: a name in, checked `Problem` rows out."""

from pathlib import Path

from effirl.data import catalog, pie
from effirl.data.problems import LoadedProblems
from effirl.errors import UserError

DATA_SETS = ("builtin", "pie")


def load_problems(
    data: str,
    *,
    data_path: Path | None = None,
    split: str = "train",
    limit: int | None = None,
    require_tests: bool = True,
) -> LoadedProblems:
    """Load a split of a data set, with what was left out and why.

    Args:
        data: `builtin` (the catalog, nothing to download) or `pie` (a local folder).
        data_path: Where the data is, for data sets that are not in the package.
        split: Each data set names its own in its error message.
        limit: Keep so many problems: the first ones of a file, and an even spread of the catalog,
            where neighbours are of one family.
        require_tests: Whether the problems will be run. The warm start only reads programs: without
            tests the catalog loads faster and PIE yields more pairs.

    Raises:
        UserError: If the name, the path, the split or a row is wrong, or no problem is left.
    """
    if limit is not None and limit < 1:
        raise UserError(
            f"limit must be at least 1, got {limit}; leave it out to load every problem"
        )
    if data == "builtin":
        loaded = _from_catalog(data_path, split, limit, require_tests)
    elif data == "pie":
        if data_path is None:
            raise UserError(
                f"data set pie must be a local folder; name it with --data-path (it holds "
                f"{pie.PAIRS_FILE} and {pie.TESTS_FILE})"
            )
        loaded = pie.load(data_path, split, limit=limit, require_tests=require_tests)
    else:
        raise UserError(f"data must be one of {', '.join(DATA_SETS)}, got {data!r}")
    if not loaded.problems:
        dropped = ", ".join(f"{count} {reason}" for reason, count in loaded.dropped.items())
        raise UserError(
            f"split {split!r} of {data} has no usable problem (left out: {dropped or 'none'}); "
            "try another split"
        )
    return loaded


def _from_catalog(
    data_path: Path | None, split: str, limit: int | None, require_tests: bool
) -> LoadedProblems:
    if data_path is not None:
        raise UserError("data set builtin is in the package; leave out --data-path or name pie")
    loaded = catalog.load(split, with_tests=require_tests)
    num_found = len(loaded.problems)
    num_kept = min(num_found, limit or num_found)
    kept = [loaded.problems[i * num_found // num_kept] for i in range(num_kept)]
    return LoadedProblems(kept, loaded.dropped)
