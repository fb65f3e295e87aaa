"""What a kind of export is: its settings, and how it is drawn or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmfeat.figures.widths import inches

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Settings(BaseModel):
    """Options of an export; those that are a `Path` name further files it is made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FigureSettings(Settings):
    """Options that all figures have."""

    width: str = Field(
        "1",
        description="neurips, icml, acl or nature, with -2 for two columns (icml-2); 1 or 2 "
        "columns; or millimetres (120mm).",
    )
    dpi: int = Field(300, ge=50, le=1200, description="Pixels an inch.")
    style: Path | None = Field(
        None, description="matplotlib style file; it overrides sizes of type, lines and colours."
    )

    @field_validator("width")
    @classmethod
    def _known(cls, width: str) -> str:
        inches(width)
        return width

    @property
    def inches(self) -> float:
        """Width of the figure in inches."""
        return inches(self.width)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure that was drawn.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    title : str
        What the file calls itself.
    found : dict
        What `--json` says of it.
    beside : dict of str to callable
        Files that go with it, by the extension that takes the place of the figure's: each is
        called with the path to write.
    """

    figure: Figure
    title: str
    found: dict[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


@dataclass(frozen=True)
class FigureKind:
    """A figure.

    Attributes
    ----------
    summary : str
        One sentence, for lists of commands.
    settings : type of FigureSettings
    draw : callable
        Draws it from a source and settings; it is called with our fonts and style in force.
    source : str
        What it is drawn from, as the command line calls it.
    extensions : tuple of str
    check : callable, optional
        Refuses settings that are not fit for a source, before anything of a recipe is written.
    """

    summary: str
    settings: type[FigureSettings]
    draw: Callable[[Path, Any], Drawing]
    source: str = "ATLAS"
    extensions: tuple[str, ...] = ("pdf", "svg", "png")
    check: Callable[[Path, Any], None] | None = None


@dataclass(frozen=True)
class FileKind:
    """Any other file: a table, data, a report.

    Attributes
    ----------
    summary, settings, source, extensions
        As of a `FigureKind`.
    write : callable
        Writes source and settings to a path that has no name yet, given the extension and the
        provenance as JSON for files that can hold it; returns what `--json` says.
    """

    summary: str
    settings: type[Settings]
    write: Callable[[Path, Any, Path, str, str], dict[str, Any]]
    extensions: tuple[str, ...]
    source: str = "ATLAS"


Kind = FigureKind | FileKind
