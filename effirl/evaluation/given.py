"""Completions that others made: a file of JSON lines, matched with the problems of a data set.

    {"problem_id": "p00012", "completion": "print(1)"}
    {"problem_id": "p00012", "completion": "print(2)", "sample": 1}
    {"problem_id": "p00013", "completions": ["print(1)", ""]}

A row may have the `source_program` that it improves, and must where a data set has several for one
problem id (PIE). Other keys are ignored, so results.jsonl of another evaluation is such a file.

Nobody gains by what is left out: a problem without a completion, or with fewer than the others, has
empty ones in their place, which fail. All that is odd is said in notes; what cannot be meant is an
error.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from effirl.data.problems import Problem
from effirl.data.rows import Row, check_columns, check_texts, optional_text, read_rows
from effirl.errors import UserError
from rewards.extraction import normalise

_NUM_NAMED: Final = 10
_PAIR: Final = "completion, or completions"


@dataclass(frozen=True, slots=True)
class GivenCompletions:
    """What a file holds for some problems."""

    by_problem: list[list[str]]
    """In the problems' order, `num_samples` each."""
    num_samples: int
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Given:
    where: str
    text: str


def read_completions(path: Path, problems: Sequence[Problem]) -> GivenCompletions:
    """Read a file and put its completions beside the problems.

    Raises:
        UserError: If the file or a row is malformed, a sample is there twice, or nothing fits.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; --completions takes a file of JSON lines")
    places: dict[str, list[int]] = defaultdict(list)
    for index, problem in enumerate(problems):
        places[problem.problem_id].append(index)
    found: list[dict[int, _Given]] = [{} for _ in problems]
    unknown: list[str] = []
    for row in read_rows(path):
        texts = _texts(row)
        name = str(row.values["problem_id"])
        indices = _matching(row, problems, places.get(name, []))
        if not indices:
            unknown += [name] * len(texts)
        else:
            _add(_fewest(found, indices, row), row, texts)
    _share_equals(problems, found)
    num_samples = max(map(len, found), default=0)
    if not num_samples:
        raise UserError(
            f"{path}: none of its {len(unknown)} completions is of a problem that is evaluated "
            f"({_named(unknown) or 'the file is empty'}); check --data, --data-path and --split"
        )
    texts_of = [[samples[number].text for number in sorted(samples)] for samples in found]
    return GivenCompletions(
        [texts + [""] * (num_samples - len(texts)) for texts in texts_of],
        num_samples,
        _notes(problems, texts_of, num_samples, unknown),
    )


def _texts(row: Row) -> list[str]:
    check_columns(row, {"problem_id": "text or number"})
    if type(number := row.values.get("sample", 0)) is not int:
        raise UserError(f"{row.where}: 'sample' must be a whole number, got {number!r:.60}")
    if ("completion" in row.values) == ("completions" in row.values):
        raise UserError(f"{row.where}: a row must have {_PAIR}, one of the two; fix the row")
    if "completion" in row.values:
        check_columns(row, {"completion": "text"}, may_be_empty=("completion",))
        return [row.values["completion"]]
    check_columns(row, {"completions": "list"}, may_be_empty=("completions",))
    if "sample" in row.values:
        raise UserError(f"{row.where}: 'completions' must be without 'sample'; fix the row")
    check_texts(row, "completions")
    return list(row.values["completions"])


def _matching(row: Row, problems: Sequence[Problem], indices: Sequence[int]) -> list[int]:
    """Return the problem that a row is of, or those that are equal to it."""
    source = optional_text(row, "source_program")
    if not source:
        if len(indices) > 1:
            raise UserError(
                f"{row.where}: problem_id {row.values['problem_id']!r} is that of {len(indices)} "
                "problems, one for each source program; add the key 'source_program'"
            )
        return list(indices)
    if same := [index for index in indices if problems[index].source_program == source]:
        return same
    key = normalise(source)
    return [index for index in indices if normalise(problems[index].source_program) == key]


def _fewest(
    found: Sequence[dict[int, _Given]], indices: Sequence[int], row: Row
) -> dict[int, _Given]:
    """Of equal problems, the first that lacks the row's sample, or has the fewest."""
    number = row.values.get("sample")
    lacking = [found[index] for index in indices if number not in found[index]]
    return min(lacking or [found[indices[0]]], key=len)


def _share_equals(problems: Sequence[Problem], found: list[dict[int, _Given]]) -> None:
    """Give a problem without completions those of one that is equal to it."""
    keys = [(problem.problem_id, normalise(problem.source_program)) for problem in problems]
    known: dict[tuple[str, str], dict[int, _Given]] = {}
    for key, samples in zip(keys, found, strict=True):
        if samples:
            known.setdefault(key, samples)
    found[:] = [samples or known.get(key, {}) for key, samples in zip(keys, found, strict=True)]


def _add(samples: dict[int, _Given], row: Row, texts: Sequence[str]) -> None:
    number = row.values.get("sample", max(samples, default=-1) + 1)
    for place, text in enumerate(texts, start=number):
        if place in samples:
            raise UserError(
                f"{row.where}: sample {place} of problem {row.values['problem_id']!r} is already "
                f"in {samples[place].where}; remove one of the two, or 'sample' in both"
            )
        samples[place] = _Given(row.where, text)


def _notes(
    problems: Sequence[Problem], texts_of: list[list[str]], num_samples: int, unknown: list[str]
) -> list[str]:
    pairs = list(zip(problems, texts_of, strict=True))
    kinds = {
        "problems have no completion, and count as failed": [
            problem.problem_id for problem, texts in pairs if not texts
        ],
        f"problems have fewer than {num_samples} completions; the rest count as failed": [
            problem.problem_id for problem, texts in pairs if 0 < len(texts) < num_samples
        ],
        "completions are empty": [
            problem.problem_id for problem, texts in pairs for text in texts if not text.strip()
        ],
        "completions are of problems that are not evaluated, and are left out": unknown,
    }
    return [f"{len(ids)} {what}: {_named(ids)}" for what, ids in kinds.items() if ids]


def _named(ids: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(ids))
    rest = len(distinct) - _NUM_NAMED
    return ", ".join(distinct[:_NUM_NAMED]) + (f" and {rest} more" if rest > 0 else "")
