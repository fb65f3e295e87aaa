"""How wide figures are printed."""

from __future__ import annotations

import re

from mmfeat.errors import MmfeatError

# Inches of one column and of the whole text, as the venues' templates have them: NeurIPS 2025
# (one column, 5.5 in), ICML 2025 (3.25 and 6.75 in), ACL (7.7 and 16 cm), Nature (89 and 183 mm).
VENUES = {
    "neurips": (5.5, 5.5),
    "icml": (3.25, 6.75),
    "acl": (7.7 / 2.54, 16 / 2.54),
    "nature": (89 / 25.4, 183 / 25.4),
}
COLUMNS = (3.3, 6.9)
_LEAST, _MOST = 30.0, 420.0  # millimetres
_MILLIMETRES = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)mm")


def inches(width: str) -> float:
    """Return the inches of a venue's column, of 1 or 2 columns, or of millimetres.

    Raises
    ------
    MmfeatError
        If it is none of these.
    """
    venue, _, columns = width.partition("-")
    if venue in VENUES and columns in ("", "1", "2"):
        return VENUES[venue][columns == "2"]
    if width in ("1", "2"):
        return COLUMNS[int(width) - 1]
    found = _MILLIMETRES.fullmatch(width)
    if found and _LEAST <= float(found[1]) <= _MOST:
        return float(found[1]) / 25.4
    raise MmfeatError(
        f"{width!r} is no width; give {', '.join(VENUES)} (with -2 for two columns), 1 or 2 "
        f"columns, or {_LEAST:.0f}mm to {_MOST:.0f}mm."
    )
