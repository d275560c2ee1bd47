"""Completions as a table for other tools: results.parquet, a row a completion, a column a value."""

import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from effirl.evaluation.code_quality import CodeQuality, distance, qualities
from effirl.scoring import NESTED, CompletionRow

PARQUET_FILE: Final = "results.parquet"


def parquet(rows: Sequence[CompletionRow]) -> bytes:
    """Return the file's content; what results.jsonl nests is in columns: comparison.rounds."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([_flat(row) for row in rows]), file)
    return file.getvalue()


def _flat(row: CompletionRow) -> dict[str, Any]:
    values = row.to_json()
    for name, kind in NESTED.items():
        nested = values.pop(name) or {}
        values |= {f"{name}.{field.name}": nested.get(field.name) for field in fields(kind)}
    pair = qualities(row) or (None, None)
    for place, found in zip(("source_quality", "quality"), pair, strict=True):
        values |= {
            f"{place}.{field.name}": getattr(found, field.name, None)
            for field in fields(CodeQuality)
        }
    return values | {"status": str(row.status), "edit_distance": distance(row)}
