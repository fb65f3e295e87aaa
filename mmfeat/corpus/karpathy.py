"""The ``karpathy`` importer: the splits of Flickr8k, Flickr30k and COCO by Karpathy and Li.

A source is ``{"images": [{filename, split, sentences: [{raw, ...}], filepath?,
cocoid?, ...}], "dataset": ...}``, such as ``dataset_coco.json``. An item's id is
its ``filename``, as in the formats ``coco`` and ``flickr30k``. The source's word
for the split is kept as the attribute ``split``: ``train`` and ``restval`` are for
training, all others (``val``, ``test``) for testing; ``cocoid`` is kept too. Captions
are in English unless ``--language`` is given.

Pictures are looked for in ``--images`` (by default the sources' folder) and the
folders directly inside, with ``filepath`` and without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmfeat.corpus.json_stream import elements
from mmfeat.corpus.model import TEST, TRAIN, ImportOptions, ItemRow, Rows, Skipped
from mmfeat.corpus.sources import (
    PictureFolder,
    caption_problem,
    common_folder,
    language_of,
    name_problem,
    named,
)

OPTIONS = frozenset(("images", "language"))
_TRAIN_WORDS = ("train", "restval")


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder that the pictures are in."""
    return options.images or common_folder(sources)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of Karpathy's JSON files.

    Parameters
    ----------
    sources : sequence of Path
        JSON files, gzipped or not.
    options : ImportOptions
        `images` and `language`.

    Raises
    ------
    MmfeatError
        If a file is malformed or the folder of pictures cannot be read.
    """
    folder, tag = PictureFolder(image_root(sources, options)), language_of(options)
    for name, source in named(sources):
        for _, row, entry in elements(source, ("images",)):
            yield from _item(entry, folder, tag, name, row)


def _item(
    entry: Any, folder: PictureFolder, tag: str, source: str, row: int
) -> Iterator[ItemRow | Skipped]:
    """Yield an image's item, and what of it cannot be used."""
    if not isinstance(entry, dict):
        yield Skipped(source, row, "the entry is not a JSON object")
        return
    name, path, split = entry.get("filename"), entry.get("filepath"), entry.get("split")
    sentences = entry.get("sentences")
    inside = [f"{path}/{name}"] if isinstance(path, str) and path else []
    for reference in (name, *inside):
        if problem := name_problem(reference):
            yield Skipped(source, row, problem)
            return
    if not isinstance(split, str) or not split.strip():
        yield Skipped(source, row, "the row names no split")
        return
    if not isinstance(sentences, list):
        yield Skipped(source, row, "the row has no list of sentences")
        return
    captions = []
    for sentence in sentences:
        text = sentence.get("raw") if isinstance(sentence, dict) else None
        if problem := caption_problem(text, tag):
            yield Skipped(source, row, problem)
        else:
            captions.append((tag, str(text)))
    word = split.strip().lower()
    attributes = {"split": word}
    if isinstance(entry.get("cocoid"), int):
        attributes["cocoid"] = str(entry["cocoid"])
    yield ItemRow(
        item_id=str(name),
        image=folder.find(*inside, str(name)),
        captions=tuple(captions),
        split=TRAIN if word in _TRAIN_WORDS else TEST,
        attributes=attributes,
        source=source,
        row=row,
    )
