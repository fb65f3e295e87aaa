"""What importers yield and the rules every corpus follows, whatever it was imported from."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from mmfeat.errors import MmfeatError

TRAIN: Final = "train"
TEST: Final = "test"
TEST_SHARE = 0.5


@dataclass(frozen=True)
class ItemRow:
    """One item as an importer found it; the writer cleans and checks it.

    Attributes
    ----------
    item_id : str
        Stable name, unique in the corpus.
    image : str
        ``openmoji:FILE.svg`` or a path relative to the corpus's image root;
        empty for an item without a picture.
    captions : tuple of (str, str)
        Language tag and text.
    concept : str or None
        Variants of one concept share it; None for the item itself.
    split : str or None
        ``train`` or ``test``; None to draw it with `split_of`.
    attributes : mapping of str to str
        Free attributes.
    source, row
        Where it stands, for the import log: a file and a row from 1.
    """

    item_id: str
    image: str = ""
    captions: tuple[tuple[str, str], ...] = ()
    concept: str | None = None
    split: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    row: int = 0


@dataclass(frozen=True)
class Skipped:
    """A row, or a caption of one, that cannot be used.

    `reason` names no value of the row, so that reasons can be counted;
    `source` and `row` say where to look.
    """

    source: str
    row: int
    reason: str


Rows = Iterator[ItemRow | Skipped]


@dataclass(frozen=True)
class ImportOptions:
    """Options of ``mmfeat corpus import``; each importer says which of them it takes.

    Attributes
    ----------
    image, id, concept, split_column : str or None
        Columns with the picture's path, the item's id, its concept, its split.
    lang : tuple of str
        ``COLUMN=TAG``: columns with captions, where one row is an item.
    language_column, caption_column : str or None
        Columns of language and text, where one row is a caption.
    attribute : tuple of str
        Columns kept as attributes of the items.
    images : Path or None
        Folder of the pictures, where the format keeps them apart from the captions.
    language : str or None
        Tag of captions that do not say their language.
    """

    image: str | None = None
    id: str | None = None
    lang: tuple[str, ...] = ()
    language_column: str | None = None
    caption_column: str | None = None
    concept: str | None = None
    split_column: str | None = None
    attribute: tuple[str, ...] = ()
    images: Path | None = None
    language: str | None = None

    def given(self) -> set[str]:
        """Return the names of the options that were given."""
        return {name for name, value in vars(self).items() if value}


def split_of(concept: str, seed: int) -> Literal["train", "test"]:
    """Return the split of a concept: a seeded hash, the same on every machine.

    Half of the concepts (`TEST_SHARE`) are for testing, far more than is usual
    for held-out data: p-values are measured on test concepts, one unit a
    concept, and need many of them. Items of a concept are never torn apart.
    """
    digest = hashlib.sha256(f"{seed}:{concept}".encode()).digest()
    return TEST if int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64 else TRAIN


def is_text(value: str) -> bool:
    """Return whether a file of ours can hold this text: no NUL, no broken encoding."""
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # surrogates: what was read was not UTF-8
        return False
    return True


def clean_text(value: str) -> str:
    """Return a text in NFC with runs of white space as one space and none at the ends.

    A byte-order mark in the text counts as white space: it shows nothing.
    """
    return " ".join(unicodedata.normalize("NFC", value).replace("\ufeff", " ").split())


def column_tags(lang: tuple[str, ...]) -> dict[str, str]:
    """Return column and normalised language tag of each ``COLUMN=TAG``.

    Raises
    ------
    MmfeatError
        If one has another form, or a column is named twice.
    """
    from mmfeat.corpus.languages import normalise_tag

    tags: dict[str, str] = {}
    for entry in lang:
        column, separator, tag = entry.rpartition("=")
        if not separator or not column:
            raise MmfeatError(f"--lang {entry} is not COLUMN=TAG; write e.g. --lang title_ko=ko.")
        if column in tags:
            raise MmfeatError(f"--lang names the column {column} twice; name each column once.")
        tags[column] = normalise_tag(tag)
    return tags
