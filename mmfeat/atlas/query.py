"""One search of an atlas as a command asks for it: by files, texts, ids and names."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmfeat.atlas.lookup import find_item, picture_file
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.search import Example, Found, Item, Search, Text
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    pass


def search_atlas(
    atlas: Path | str,
    *,
    images: Sequence[Path] = (),
    texts: Sequence[str] = (),
    languages: Sequence[str] = (),
    items: Sequence[str] = (),
    features: Sequence[int] = (),
    attributes: Sequence[str] = (),
    not_images: Sequence[Path] = (),
    not_texts: Sequence[str] = (),
    not_items: Sequence[str] = (),
    not_either: Sequence[str] = (),
    by: Literal["decoder", "cofiring"] = "decoder",
    backbone: str | None = None,
    top: int = 20,
) -> dict[str, Any]:
    """Search the features of an atlas by examples, or by one attribute, or by one feature.

    Parameters
    ----------
    atlas : path
        The atlas.
    images, texts, items
        Positive examples, together: files of pictures, texts, ids of items.
    languages : sequence of str
        Of the texts: none (guessed by script), one for all, or one each.
    features : sequence of int
        One feature, whose nearest are found instead.
    attributes : sequence of str
        One ``NAME=VALUE``, by which items are contrasted with the rest instead.
    not_images, not_texts, not_items, not_either
        Negative examples; of the last, what is a file is a picture, else a text.
    by : {"decoder", "cofiring"}
        What makes features near.
    backbone : str, optional
        SPEC of the backbone where it is not where the atlas says.
    top : int
        How many features at most.

    Returns
    -------
    dict
        ``atlas``, ``by`` (``examples``, ``attribute``, ``decoder`` or ``cofiring``), ``positives``,
        ``negatives`` (what was given), and ``features``: a dict each with its evidence
        (`mmfeat.atlas.search.Found`) and ``names`` by language.

    Raises
    ------
    MmfeatError
        If not exactly one kind of search is asked for, or something given does not exist.
    """
    examples = bool(images or texts or items)
    negatives = bool(not_images or not_texts or not_items or not_either)
    if examples + len(features) + len(attributes) != 1:
        raise MmfeatError(
            "Search by examples (pictures, texts or items, as many as you like), or by one "
            "feature, or by one attribute."
        )
    if negatives and not examples:
        raise MmfeatError("Negatives go with positive examples; give a picture, a text or an item.")
    if len(languages) > 1 and len(languages) != len(texts):
        raise MmfeatError(
            f"There are {len(languages)} languages for {len(texts)} texts; give one for all, or "
            "one each, in the same order."
        )
    one = languages[0] if len(languages) == 1 else None  # for all texts; None: by script
    said = [("text", text) for text in not_texts]
    said += [("text" if not _is_file(value) else "image", value) for value in not_either]
    said += [("image", str(path)) for path in not_images]
    said += [("item", name) for name in not_items]
    with Atlas(Path(atlas)) as opened:
        found: Sequence[Found]
        if features:
            kind = str(by)
            given = [("feature", str(features[0]))]
            found = Search(opened).by_feature(features[0], by, top)
        elif attributes:
            name, equals, value = attributes[0].partition("=")
            if not equals:
                raise MmfeatError(f"{attributes[0]!r} is no attribute; write it as NAME=VALUE.")
            kind, given = "attribute", [("attribute", attributes[0])]
            found = Search(opened).by_attribute(name, value, top)
        else:
            kind = "examples"
            given = [("image", str(path)) for path in images]
            given += [("text", text) for text in texts] + [("item", name) for name in items]
            positive: list[Example] = [picture_file(Path(path)) for path in images]
            tags = languages if len(languages) == len(texts) else [one] * len(texts)
            positive += [Text(text, tag) for text, tag in zip(texts, tags, strict=True)]
            positive += [Item(find_item(opened, name)) for name in items]
            against: list[Example] = [
                Item(find_item(opened, value))
                if what == "item"
                else picture_file(Path(value))
                if what == "image"
                else Text(value, one)
                for what, value in said
            ]
            encoder = None
            if any(what != "item" for what, _ in (*given, *said)):
                from mmfeat.atlas.encoder import open_encoder

                encoder = open_encoder(opened, backbone)
            found = Search(opened, encoder).by_examples(positive, against, top)
        return {
            "atlas": str(atlas),
            "by": kind,
            "positives": [{"kind": what, "value": value} for what, value in given],
            "negatives": [{"kind": what, "value": value} for what, value in said],
            "features": [
                {
                    **asdict(own),
                    "names": {
                        tag: name for tag, (name, _) in opened.names(own.feature).items() if name
                    },
                }
                for own in found
            ],
        }


def _is_file(value: str) -> bool:
    with suppress(OSError, ValueError):  # a text may be too long to be a name, or hold a NUL
        return Path(value).is_file()
    return False
