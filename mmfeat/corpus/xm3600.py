"""The ``xm3600`` importer: Crossmodal-3600, captions of 3,600 pictures in 36 languages.

The source is ``captions.jsonl``, or the folder it is in: one line an item, with
its key, its locale, and an object of captions for each language. The pictures
are ``KEY.jpg`` in ``images`` beside it or in ``--images``; where there is no such
folder, the captions are imported alone. The tokenised forms are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.lines import NoLine, only_source, pictures_beside, read_lines
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows, Skipped
from mmfeat.corpus.sources import PictureFolder, caption_problem, name_problem
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("images",))
_FILE = "captions.jsonl"


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path | None:
    """Return the folder of the pictures; None where there is none."""
    return pictures_beside(_captions_file(sources).parent, options)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of Crossmodal-3600.

    Parameters
    ----------
    sources : sequence of Path
        The file of captions, or its folder.
    options : ImportOptions
        May name the folder of the pictures.

    Raises
    ------
    MmfeatError
        If the file cannot be read.
    """
    path = _captions_file(sources)
    root = image_root(sources, options)
    pictures = PictureFolder(root) if root else None
    for row, line in enumerate(read_lines(path), 1):
        if isinstance(line, NoLine):
            yield Skipped(path.name, row, line.value)
        elif line.strip():
            yield from _item(path.name, row, line, pictures)


def _captions_file(sources: Sequence[Path]) -> Path:
    source = only_source(sources, f"{_FILE} or its folder")
    path = source / _FILE if source.is_dir() else source
    if not path.is_file():
        raise MmfeatError(f"{source} has no {_FILE}; give the folder of Crossmodal-3600.")
    return path


def _item(
    name: str, row: int, line: str, pictures: PictureFolder | None
) -> Iterator[ItemRow | Skipped]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        yield Skipped(name, row, "the line is not JSON")
        return
    if not isinstance(fields, dict):
        yield Skipped(name, row, "the line is not a JSON object")
        return
    key, locale = fields.get("image/key"), fields.get("image/locale", "")
    if problem := name_problem(key):
        yield Skipped(name, row, problem)
        return
    assert isinstance(key, str)
    captions = []
    for language, value in fields.items():
        if language.startswith("image/"):
            continue
        try:
            tag = normalise_tag(language)
        except MmfeatError:
            yield Skipped(name, row, "the language is not a language tag")
            continue
        for text in _texts(value):
            if problem := caption_problem(text, tag):
                yield Skipped(name, row, problem)
            else:
                captions.append((tag, text))
    yield ItemRow(
        item_id=key,
        image=pictures.find(f"{key}.jpg") if pictures else "",
        captions=tuple(captions),
        attributes={"locale": locale} if isinstance(locale, str) else {},
        source=name,
        row=row,
    )


def _texts(value: Any) -> list[Any]:
    """Return the captions of a language; anything unlike them as one that is no text."""
    captions = value.get("caption", []) if isinstance(value, dict) else None
    return captions if isinstance(captions, list) else [captions]
