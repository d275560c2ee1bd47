"""Rows as a parquet file, for other tools. No library for it is loaded before one is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from effirl.files import write_whole

Value = str | int | float | bool | None


def write_parquet(
    path: Path, rows: Sequence[Mapping[str, Value]], types: Mapping[str, str] | None = None
) -> None:
    """Write or replace a table in one step.

    Args:
        path: Where it goes.
        rows: With the same keys, the columns.
        types: Column -> name of its type, such as int64; None to have them follow from the values,
            where a column without any has no type.
    """
    import pyarrow as pa  # slow to import, and needed here alone
    import pyarrow.parquet as pq

    schema = types and pa.schema((n, pa.type_for_alias(kind)) for n, kind in types.items())
    file = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file)
    write_whole(path, file.getvalue().to_pybytes())
