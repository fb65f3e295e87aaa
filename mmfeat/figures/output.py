"""What all written figures share: where they go, how they look, what made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmfeat import provenance
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import fonts
from mmfeat.files import whole_file


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
def style() -> Iterator[None]:
    """Draw with our fonts: embedded in PDF, as text in SVG, the same bytes every time."""
    import matplotlib

    with matplotlib.rc_context(
        {
            "font.family": fonts.families(),
            "font.size": 7,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
            "svg.hashsalt": "mmfeat",
            "text.parse_math": False,
            "axes.unicode_minus": False,
        }
    ):
        yield


def plain(text: str) -> str:
    """Return a text of a file on one line, without characters that are not for print."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


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
    with writing(out) as temporary:
        figure.savefig(
            temporary, format=extension, dpi=dpi, metadata=metadata(extension, title, record)
        )
