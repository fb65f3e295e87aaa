"""What datasets an atlas must have, of which types and shapes (see docs/file-format.md)."""

from __future__ import annotations

from mmfeat.atlas.checked import FLOAT, INTEGER, NUMBER, TEXT, CheckedFile

KIND = "mmfeat-atlas"
STREAMS = ("image.pooled", "image.patch", "text.pooled", "text.token")
FEATURE_SCORES = (
    "firing_rate_image",
    "firing_rate_text",
    "energy_image",
    "energy_text",
    "modality_score",
    "max_activation_image",
    "max_activation_text",
    "n_languages",
    "testable",
    "shared",
    "shared_p",
    "shared_q",
    "shared_effect",
    "n_shared_languages",
)
LANGUAGE_SCORES = ("firing_rate", "energy", "p", "effect", "shared")


def check_layout(data: CheckedFile, features: int, languages: int) -> tuple[int, int]:
    """Check everything of an atlas but its codes.

    Returns
    -------
    tuple of int
        The numbers of items and captions.

    Raises
    ------
    MmfeatError
        If a dataset is missing, or of another type or shape.
    """
    items = len(data.dataset("items/item_id", TEXT, (None,)))
    for name in ("concept", "split"):
        data.dataset(f"items/{name}", TEXT, (items,))
    captions = len(data.dataset("captions/text", TEXT, (None,)))
    for name in ("item", "language"):
        data.dataset(f"captions/{name}", INTEGER, (captions,))
    for name in FEATURE_SCORES:
        data.dataset(f"features/{name}", NUMBER, (features,))
    for name in LANGUAGE_SCORES:
        data.dataset(f"features/by_language/{name}", NUMBER, (features, languages))
    data.dataset("neighbours/index", INTEGER, (features, None))
    data.dataset("neighbours/cosine", FLOAT, (features, None))
    data.dataset("names/text", TEXT, (features, languages))
    data.dataset("names/score", FLOAT, (features, languages))
    return items, captions


def check_stream(
    data: CheckedFile, stream: str, features: int, languages: int, items: int, captions: int
) -> None:
    """Check the codes of a stream, and its examples.

    Raises
    ------
    MmfeatError
        If a dataset is missing, or of another type or shape.
    """
    code, picture = f"codes/{stream}", stream.startswith("image")
    rows = len(data.dataset(f"{code}/rows/item", INTEGER, (None,)))
    for name in ("caption", "language", "position"):
        data.dataset(f"{code}/rows/{name}", INTEGER, (rows,))
    if stream == "text.token":
        data.dataset(f"{code}/rows/start", INTEGER, (rows,))
        data.dataset(f"{code}/rows/end", INTEGER, (rows,))
    if picture:
        data.dataset(f"{code}/rows/item_start", INTEGER, (items + 1,))
    else:
        data.dataset(f"{code}/rows/caption_start", INTEGER, (captions + 1,))
    codes = len(data.dataset(f"{code}/by_row/indices", INTEGER, (None,)))
    data.dataset(f"{code}/by_row/data", FLOAT, (codes,))
    data.dataset(f"{code}/by_row/indptr", INTEGER, (rows + 1,))
    data.dataset(f"{code}/by_feature/rows", INTEGER, (codes,))
    data.dataset(f"{code}/by_feature/data", FLOAT, (codes,))
    data.dataset(f"{code}/by_feature/indptr", INTEGER, (features + 1,))
    if stream.endswith("pooled"):
        each: tuple[int | None, ...] = (features,) if picture else (features, languages)
        for name, shape in (("top", (*each, None)), ("bands", (*each, None, None))):
            data.dataset(f"examples/{stream}/{name}", INTEGER, shape)
            data.dataset(f"examples/{stream}/{name}_activation", FLOAT, shape)
