"""The files of an evaluation that make it resumable: results.jsonl and provenance.json."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from effirl.data.perf_inputs.loading import provenance_of
from effirl.data.problems import Problem
from effirl.errors import UserError
from effirl.files import write_whole
from effirl.runs import WEIGHT_FILES, refuse_other_provenance
from effirl.scoring import CompletionRow

RESULTS_FILE = "results.jsonl"


def read_rows(path: Path, num_samples: int) -> list[CompletionRow]:
    """Read the completions of every problem that was finished, and cut the file back to them.

    The last line may be half-written, and the last problems may lack some of their completions:
    both are what a kill leaves behind, so they are dropped and made again.

    Raises:
        UserError: If a line before the last is unreadable.
    """
    if not path.is_file():
        return []
    rows: list[CompletionRow] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(CompletionRow.from_json(json.loads(line)))
        except (ValueError, TypeError) as error:
            if number == len(lines):
                break
            raise UserError(
                f"{path}:{number}: not a result of this version ({error}); remove the file to "
                "start again, or use another --output-dir"
            ) from error
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.problem_index] = counts.get(row.problem_index, 0) + 1
    whole = [row for row in rows if counts[row.problem_index] == num_samples]
    write_whole(path, "".join(map(_line, whole)))
    return whole


def append_rows(path: Path, rows: Sequence[CompletionRow]) -> None:
    """Add completions to the file, and let no later crash of ours lose them."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(map(_line, rows)))


def check_provenance(
    folder: Path, problems: Sequence[Problem], models: Sequence[str], machine: Mapping[str, str]
) -> None:
    """Write down on what the folder's results stand, or refuse to add results that differ.

    Raises:
        UserError: If earlier results are of another machine, other problems or other weights.
    """
    refuse_other_provenance(
        folder,
        {
            "machine": dict(machine),
            **provenance_of(problems),
            "weights": {model: _weights(Path(model)) for model in models},
        },
    )


def _line(row: CompletionRow) -> str:
    return json.dumps(row.to_json()) + "\n"


def _weights(folder: Path) -> str:
    """Return a digest of a model folder's weights, empty for a name."""
    digest = hashlib.sha256()
    found = [folder / name for name in WEIGHT_FILES if (folder / name).is_file()]
    for path in found:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16] if found else ""
