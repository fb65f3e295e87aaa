"""Which features fire on one picture or text: on the whole of it, and on each patch or token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Int

from mmfeat.atlas.records import TokenActivation
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.encoder import Encoder
    from mmfeat.atlas.reader import Atlas
    from mmfeat.backbones.base import Inputs

LONGEST = 10_000  # characters of a text; models read a few hundred words at most
_SCALED = 256  # features whose largest activation on a patch or token is looked up


@dataclass(frozen=True, eq=False)
class Fires:
    """The features that fire on one picture or text.

    Attributes
    ----------
    language : str or None
        Of a text.
    features : int64 [n]
        Which, by activation, descending; ties go to the lower index.
    activation : float32 [n]
        On the whole of it; where the SAE knows no pooled rows, the largest on a patch or token.
    share : float32 [n]
        `activation` over the largest on pictures, or on captions, of the atlas; NaN where it
        fires on none.
    grid : (rows, columns) or None
        The patches of a picture; None where the SAE knows none.
    spans : tuple of (start, end), or None
        The characters (code points) of each token of a text.
    cell : int64 [k]
        A patch (row-major) or token on which a feature fires,
    cell_feature : int64 [k]
        that feature,
    cell_activation : float32 [k]
        and its activation there.
    highest : float32 [n]
        What counts as the full activation on a patch or token: the largest in the atlas, or here
        where that is larger, or beyond the first 256 features.
    """

    language: str | None
    features: Int[np.ndarray, "n"]
    activation: Float32[np.ndarray, "n"]
    share: Float32[np.ndarray, "n"]
    grid: tuple[int, int] | None
    spans: tuple[tuple[int, int], ...] | None
    cell: Int[np.ndarray, "k"]
    cell_feature: Int[np.ndarray, "k"]
    cell_activation: Float32[np.ndarray, "k"]
    highest: Float32[np.ndarray, "n"]

    def patch_map(self, feature: int) -> Float32[np.ndarray, "rows columns"] | None:
        """Return a feature's activation on each patch; None where there are no patches."""
        if self.grid is None:
            return None
        return self._cells(feature, self.grid[0] * self.grid[1]).reshape(self.grid)

    def tokens(self, feature: int) -> list[TokenActivation]:
        """Return a feature's activation on every token, 0 where it does not fire."""
        spans = self.spans or ()
        values = self._cells(feature, len(spans)).tolist()
        return [TokenActivation(*span, value) for span, value in zip(spans, values, strict=True)]

    def _cells(self, feature: int, count: int) -> Float32[np.ndarray, "cells"]:
        found = np.zeros(count, np.float32)
        own = self.cell_feature == feature
        found[self.cell[own]] = self.cell_activation[own]
        return found


def fires_on_picture(atlas: Atlas, encoder: Encoder, picture: Image) -> Fires:
    """Return the features that fire on a picture.

    Parameters
    ----------
    atlas : Atlas
        What tells how strong an activation is.
    encoder : Encoder
        The atlas's backbone and SAE.
    picture : Image
        Any picture.

    Raises
    ------
    MmfeatError
        If the SAE knows no rows of pictures.
    """
    inputs = encoder.backbone.prepare_images([picture])
    grid = tuple(encoder.backbone.grids(encoder.hook, inputs)[0])
    return _fires(atlas, encoder, inputs, ("image.pooled", "image.patch"), None, grid)


def fires_on_text(atlas: Atlas, encoder: Encoder, text: str, language: str | None = None) -> Fires:
    """Return the features that fire on a text.

    Parameters
    ----------
    atlas : Atlas
        What tells how strong an activation is.
    encoder : Encoder
        The atlas's backbone and SAE.
    text : str
        Any text; what the model has no room for does not count.
    language : str, optional
        Default: guessed by its script.

    Raises
    ------
    MmfeatError
        If there is no text or too much, the SAE was trained on no captions of that language, or
        on none at all.
    """
    if not text.strip():
        raise MmfeatError("There is no text; write a word or more.")
    if len(text) > LONGEST:
        raise MmfeatError(
            f"The text has {len(text):,} characters; give one of {LONGEST:,} at most."
        )
    tag = encoder.language_of(text, language)
    inputs = encoder.backbone.prepare_texts([text])
    return _fires(atlas, encoder, inputs, ("text.pooled", "text.token"), tag, None)


def _fires(
    atlas: Atlas,
    encoder: Encoder,
    inputs: Inputs,
    streams: tuple[str, str],
    language: str | None,
    grid: tuple[int, ...] | None,
) -> Fires:
    known, there = encoder.trained.streams, encoder.backbone.point(encoder.hook).streams
    usable = [stream for stream in streams if stream in known and stream in there]
    what, other = ("picture", "text") if language is None else ("text", "picture")
    if not usable:
        raise MmfeatError(
            f"The SAE of {atlas.path} knows no rows of a {what} at {encoder.hook}; give a {other}."
        )
    pooled, fine = streams
    rows = encoder.backbone.run(inputs, {encoder.hook: usable})[encoder.hook]
    group = 0 if language is None else encoder.languages.index(language)
    codes = {
        stream: encoder.codes(stream, own.x, np.full(len(own.x), group))
        for stream, own in rows.items()
    }
    whole = codes[pooled] if pooled in codes else codes[fine]
    most = np.zeros(encoder.trained.d_sae, np.float32)
    np.maximum.at(most, whole.indices, whole.data)
    fired = np.flatnonzero(most > 0)
    order = fired[np.argsort(-most[fired], kind="stable")]
    maximum = atlas.features()[f"max_activation_{streams[0].partition('.')[0]}"][order]
    share = most[order] / np.where(maximum > 0, maximum, np.nan)
    cell, feature, value = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    spans = None
    if fine in codes:
        own = rows[fine]
        # Tokens are counted among those with a place in the text, patches by their place.
        places = own.position if own.start is None else np.arange(len(own.position))
        cell = np.repeat(places.astype(np.int64), np.diff(codes[fine].indptr))
        feature, value = codes[fine].indices.astype(np.int64), codes[fine].data
        if own.start is not None and own.end is not None:
            spans = tuple(zip(own.start.tolist(), own.end.tolist(), strict=True))
    here = np.zeros(encoder.trained.d_sae, np.float32)
    np.maximum.at(here, feature, value)
    highest = here[order]
    if fine in atlas.streams:
        largest = [atlas.largest_code(fine, int(one)) for one in order[:_SCALED]]
        highest[:_SCALED] = np.maximum(highest[:_SCALED], np.array(largest, np.float32))
    return Fires(
        language,
        order.astype(np.int64),
        most[order],
        share.astype(np.float32),
        (grid[0], grid[1]) if fine in codes and grid is not None else None,
        spans,
        cell,
        feature,
        value.astype(np.float32),
        highest,
    )
