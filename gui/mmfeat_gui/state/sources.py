"""What can be probed, searched by and steered: a picture, a text or an item of the atlas."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

PASTED = "PICTURE.png"  # stands in a command line for a picture that is in no file


@dataclass(frozen=True)
class PictureSource:
    """A picture in a file, or one that was pasted.

    Attributes
    ----------
    name : str
        What it is called.
    path : Path or None
        Its file.
    data : bytes or None
        Where it has no file: the picture as it is encoded.
    """

    name: str
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TextSource:
    """A text; without a language, that is guessed by its script."""

    text: str
    language: str | None = None


@dataclass(frozen=True)
class ItemSource:
    """An item of the atlas: its picture, and for a search its captions too."""

    item_id: str


Source: TypeAlias = PictureSource | TextSource | ItemSource


def label(source: Source) -> str:
    """Return what a source is called."""
    if isinstance(source, PictureSource):
        return source.name
    return source.text if isinstance(source, TextSource) else source.item_id


def option(source: Source, *, against: bool = False) -> list[str]:
    """Return how a source is given to a command; `against`: as an example of what is not sought."""
    negation = "not-" if against else ""
    if isinstance(source, PictureSource):
        return [f"--{negation}image", PASTED if source.path is None else str(source.path)]
    if isinstance(source, TextSource):
        return [f"--{negation}text", source.text]
    return [f"--{negation}item", source.item_id]
