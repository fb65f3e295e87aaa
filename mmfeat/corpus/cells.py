"""What a cell says: of a table, of JSON, of an Arrow column."""

from __future__ import annotations

import math
from typing import Any


def text_of(cell: Any) -> str | None:
    """Return a cell as text, empty where it has no value; None where it is no text at all."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and math.isnan(cell):  # how data frames write a missing value
        return ""
    return str(cell) if isinstance(cell, (int, float)) else None


def texts_of(cell: Any) -> list[str] | None:
    """Return the captions of a cell; None where one is not text.

    A missing value is no caption; an empty text is one, to be skipped and counted.
    """
    if cell is None:
        return []
    texts = [text_of(entry) for entry in (cell if isinstance(cell, list) else [cell])]
    return None if None in texts else [text for text in texts if text is not None]


def column_values(column: Any) -> list[Any]:
    """Return the values of an Arrow column; what is not UTF-8 keeps its bytes as surrogates."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_decoded(value) for value in column.cast(as_bytes(column.type)).to_pylist()]


def as_bytes(kind: Any) -> Any:
    """Return an Arrow type with bytes in the place of text."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(as_bytes(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(as_bytes(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(as_bytes(kind.value_type))
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    return pa.binary() if pa.types.is_string(kind) else kind


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value
