"""Completions as flat rows, for tables: what results.jsonl nests is in columns."""

from dataclasses import fields
from typing import Any

from effirl.evaluation.code_quality import CodeQuality, distance, qualities
from effirl.scoring import NESTED, CompletionRow


def flat(row: CompletionRow) -> dict[str, Any]:
    """Lay a row out; the number of rounds is in comparison.rounds."""
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
