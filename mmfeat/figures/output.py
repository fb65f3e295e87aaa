"""What all written figures share: where they go, how they look, what made them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmfeat import provenance
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import direction, fonts, outlines
from mmfeat.files import whole_file

_MOST_STYLE = 1 << 16  # bytes
# What a style file may say: how things look, not where windows open or how wide a page is.
_LOOKS = (
    *("axes.", "boxplot.", "errorbar.", "figure.facecolor", "font.", "grid.", "hatch.", "hist."),
    *("image.", "legend.", "lines.", "markers.", "patch.", "savefig.facecolor", "scatter."),
    *("text.color", "xtick.", "ytick."),
)


def check_out(out: Path, extensions: Sequence[str]) -> str:
    """Return the extension of an output, without its dot and in small letters.

    Raises
    ------
    MmfeatError
        If it is none of `extensions`, or `out` is a folder.
    """
    extension = out.suffix.lower().removeprefix(".")
    if extension not in extensions:
        known = ", ".join(f".{name}" for name in extensions)
        raise MmfeatError(f"--out {out} must end in one of {known}; give such a name.")
    if out.is_dir():
        raise MmfeatError(f"--out {out} is a folder; give the name of a file.")
    return extension


@contextmanager
def writing(out: Path) -> Iterator[Path]:
    """Yield a temporary name; what stands there becomes `out` when the block ends well.

    Raises
    ------
    MmfeatError
        If its folder cannot be made or written to, or the disk is full.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MmfeatError(
            f"{out} cannot be written: {error.strerror}; choose another --out."
        ) from error
    with whole_file(out) as temporary:
        yield temporary


@contextmanager
def style(file: Path | None = None) -> Iterator[None]:
    """Draw with our fonts: embedded in PDF, as text in SVG, the same bytes every time.

    Parameters
    ----------
    file : Path, optional
        A matplotlib style file. It overrides all but what keeps text text, and our families
        stand behind its own for the scripts that those lack.

    Raises
    ------
    MmfeatError
        If it cannot be read or has an entry that matplotlib does not know.
    """
    import matplotlib

    ours: dict[str, Any] = {"font.size": 7, "axes.unicode_minus": False}
    theirs = _style_of(file) if file else {}
    wanted = theirs.pop("font.family", [])
    families = [wanted] if isinstance(wanted, str) else list(wanted)
    fixed: dict[str, Any] = {
        "font.family": [*families, *(name for name in fonts.families() if name not in families)],
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "mmfeat",
        "text.parse_math": False,
        "text.usetex": False,
    }
    both: dict[Any, Any] = {**ours, **theirs, **fixed}
    with matplotlib.rc_context(both):
        yield


def _style_of(file: Path) -> dict[str, Any]:
    from matplotlib import rc_params_from_file

    try:
        if file.stat().st_size > _MOST_STYLE:
            raise MmfeatError(f"{file} is too large for a style file; give a matplotlib style.")
        with _logged() as complaints:
            found = rc_params_from_file(file, use_default_template=False)
    except (OSError, UnicodeDecodeError):
        raise MmfeatError(f"{file} cannot be read; give a matplotlib style file.") from None
    if complaints:
        raise MmfeatError(f"{file} is not a matplotlib style file ({complaints[0]}); mend it.")
    return {key: value for key, value in found.items() if key.startswith(_LOOKS)}


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what matplotlib says of a style file: it skips what it does not understand."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(" ".join(record.getMessage().split()))

    log, handler = logging.getLogger("matplotlib"), Collector(logging.WARNING)
    earlier = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield found
    finally:
        log.removeHandler(handler)
        log.propagate = earlier


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """Return a text that a spreadsheet shows and does not compute.

    A text from a stranger's file that begins with ``=``, ``+``, ``-``, ``@``, a tab or a
    carriage return would be run as a formula; it gets an apostrophe before it.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain(text: str) -> str:
    """Return a text of a file on one line, without characters that are not for print."""
    return " ".join(direction.printable(text).split())


def provenance_line(atlas: Atlas) -> str:
    """Return the line that says on a figure what it was drawn from."""
    version = provenance.versions().get("mmfeat", "")
    parts = (
        plain(atlas.name),
        f"d_sae {atlas.d_sae:,}",
        plain(atlas.digest)[:12],
        f"mmfeat {version}".strip(),
    )
    return " · ".join(part for part in parts if part)


def fit(line: str, width: float, size: float) -> float:
    """Return the size in points, at most `size`, at which a line fits a figure `width` inches."""
    from matplotlib.textpath import TextPath

    wide = TextPath((0, 0), line, size=size).get_extents().width / 72
    return max(1.0, min(size, size * 0.96 * width / wide)) if wide > 0 else size


def metadata(extension: str, title: str, record: str) -> dict[str, Any]:
    """Return a file's metadata: a title and its provenance, without a clock.

    Provenance stands in PDF under ``Subject``, in SVG and PNG under ``Description``.
    """
    if extension == "pdf":
        return {"Title": title, "Subject": record, "Creator": "mmfeat", "CreationDate": None}
    if extension == "svg":
        return {"Title": title, "Description": record, "Creator": "mmfeat", "Date": None}
    return {"Title": title, "Description": record, "Software": "mmfeat"}


def save(figure: Any, out: Path, extension: str, dpi: int, title: str, record: str) -> None:
    """Write a matplotlib figure; it appears under its name when it is whole."""
    with writing(out) as temporary, outlines.truetype():
        figure.savefig(
            temporary, format=extension, dpi=dpi, metadata=metadata(extension, title, record)
        )
