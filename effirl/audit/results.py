"""The files of an audit: pairs.jsonl, written as pairs are measured, and pairs.parquet."""

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from effirl.audit.coverage import input_type, num_lines, topics
from effirl.audit.measuring import Audited, PairRow
from effirl.data.programs import drops_import
from effirl.files import read_records, write_whole
from effirl.parquet import Value, write_parquet
from rewards.measurement import Comparison

PAIRS_FILE = "pairs.jsonl"
PARQUET_FILE = "pairs.parquet"
_NAMES: Final = {
    "string": (
        "problem_id", "description", "source_program", "target_program", "target_name",
        "source_status", "target_status", "failed_on", "performance_inputs", "time_cause",
        "memory_cause", "input_type", "topics",
    ),
    "int64": (
        "claimed_runtime_tag", "claimed_memory_tag", "runtime_tag", "memory_tag",
        "source_peak_bytes", "target_peak_bytes", "source_lines",
    ),
    "bool": ("drops_import",),
}  # fmt: skip
_TYPES: Final = {name: kind for kind, names in _NAMES.items() for name in names}
"""Of the columns that are no float64, also where no pair has a value."""


def write_pairs(path: Path, found: Sequence[Audited]) -> None:
    """Write all pairs, at least one, as a table of the columns that `columns` lists."""
    rows = [columns(audited) for audited in found]
    write_parquet(path, rows, {name: _TYPES.get(name, "float64") for name in rows[0]})


class PairLog:
    """What is known of the pairs: of an earlier process, and of this one.

    A last line that a kill cut short is dropped, and its pair measured again.

    Args:
        path: The jsonl file; made when it does not exist.

    Raises:
        UserError: If a line before the last is unreadable.
    """

    def __init__(self, path: Path) -> None:
        self.rows: dict[int, PairRow] = {}
        """By place of the pair."""
        self._path = path
        self._lock = threading.Lock()
        for row in read_records(path, PairRow.from_json, "a pair"):
            self.rows[row.index] = row
        write_whole(path, "".join(map(_line, self.rows.values())))

    def add(self, row: PairRow) -> None:
        """Keep a row, whatever happens next. Threads may call it at once."""
        with self._lock:
            self.rows[row.index] = row
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(row))


def _line(row: PairRow) -> str:
    return json.dumps(asdict(row)) + "\n"


def columns(found: Audited) -> dict[str, Value]:
    """Lay a pair out as a flat row: what the data set has, then what was measured."""
    pair, row = found.pair, found.row
    problem, target = pair.problem, pair.target
    return {
        "problem_id": problem.problem_id,
        "description": problem.description,
        "source_program": problem.source_program,
        "target_program": target.program,
        "target_name": target.name,
        "claimed_speedup": target.claimed_speedup,
        "claimed_memory_reduction": target.claimed_memory_reduction,
        "claimed_runtime_tag": target.runtime_tag,
        "claimed_memory_tag": target.memory_tag,
        "source_status": row.source_status,
        "target_status": row.target_status,
        "failed_on": row.failed_on,
        "performance_inputs": row.input_origin,
        "drops_import": drops_import(*pair.programs),
        **_costs(row.comparison),
        **_ratios(row.comparison, ""),
        **_ratios(row.with_imports, "_with_imports"),
        "speedup": found.speedup,
        "memory_reduction": found.memory_reduction,
        "process_speedup": found.process_speedup,
        "process_memory_reduction": found.process_memory_reduction,
        "time_gain": found.time_gain,
        "memory_gain": found.memory_gain,
        "time_cause": found.time_cause,
        "memory_cause": found.memory_cause,
        "runtime_tag": found.runtime_tag,
        "memory_tag": found.memory_tag,
        "input_type": input_type(problem.tests),
        "source_lines": num_lines(problem.source_program),
        "topics": ", ".join(topics(pair.programs)),
    }


def _costs(found: Comparison | None) -> dict[str, Value]:
    return {
        "source_runtime_s": None if found is None else found.source_runtime_s,
        "target_runtime_s": None if found is None else found.program_runtime_s,
        "source_peak_bytes": None if found is None else found.source_peak_bytes,
        "target_peak_bytes": None if found is None else found.program_peak_bytes,
    }


def _ratios(found: Comparison | None, suffix: str) -> dict[str, Value]:
    names = [
        f"{what}_{end}" for what in ("time", "memory") for end in ("log2_ratio", "low", "high")
    ]
    return {f"{name}{suffix}": None if found is None else getattr(found, name) for name in names}
