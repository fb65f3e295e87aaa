"""Files that mmfeat brings along.

In a wheel they are beside this module, in a checkout in the folder ``data/``.
"""

from __future__ import annotations

from pathlib import Path

from mmfeat.errors import MmfeatError

_HERE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """Return where a bundled file or folder is.

    Parameters
    ----------
    name : str
        Its name, e.g. ``openmoji_groups.tsv``.

    Raises
    ------
    MmfeatError
        If neither the package nor the checkout has it.
    """
    for folder in (_HERE, _HERE.parents[1] / "data"):
        if (folder / name).exists():
            return folder / name
    raise MmfeatError(f"The bundled file {name} is missing; install mmfeat again.")
