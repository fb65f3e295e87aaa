"""Rows of tables whose cells stand between commas or tabs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator

from mmfeat.errors import MmfeatError


def records(
    lines: Iterable[str], delimiter: str, check: Callable[[list[str]], None], empty: str
) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Yield number and cells of the rows, or what is wrong with one; they count from 1.

    Parameters
    ----------
    lines : iterable of str
        With their ends; the first that is not blank is the header.
    delimiter : str
    check : callable
        Given the names of the columns; raises if they are not what is needed.
    empty : str
        What to say where there is no header.

    Raises
    ------
    MmfeatError
        If there is no header, or what `check` raises.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    row, header = 0, None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            row += 1
            yield row, "a cell is longer than 131,072 characters or a quote is not closed"
            continue
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            check(header)
            continue
        row += 1
        if len(cells) == len(header):
            yield row, dict(zip(header, cells, strict=True))
        else:
            yield row, "the row has not as many cells as the header"
    if header is None:
        raise MmfeatError(empty)
