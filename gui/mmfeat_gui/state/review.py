"""The features that are still to be looked at, in the order of the table."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from mmfeat_gui.state.selection import Selection


def next_unlabelled(
    rows: Int64[np.ndarray, " rows"], labelled: Selection, current: int, backwards: bool = False
) -> int | None:
    """Return the next feature about which nobody made up his mind.

    Parameters
    ----------
    rows : int64 array [rows]
        The features to be looked at, in their order.
    labelled : Selection
        Those that are done.
    current : int
        The feature shown now; after the last comes the first again. Where it is none of
        `rows`, the first of them is next.
    backwards : bool
        Whether to go against the order.

    Returns
    -------
    int or None
        None where all but `current` are done.
    """
    at = np.flatnonzero(rows == current)
    if at.size:
        rows = np.concatenate([rows[at[0] + 1 :], rows[: at[0]]])
    open_rows = rows[~np.isin(rows, labelled.indices)]
    if not open_rows.size:
        return None
    return int(open_rows[-1 if backwards else 0])


def progress(rows: Int64[np.ndarray, " rows"], labelled: Selection) -> tuple[int, int]:
    """Return how many of some features are done, and how many there are."""
    return int(np.isin(rows, labelled.indices).sum()), len(rows)
