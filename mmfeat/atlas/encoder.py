"""Encodes pictures and texts that are in no file, by the backbone and SAE of an atlas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.corpus.languages import guess_language, normalise_tag
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.reader import Atlas
    from mmfeat.backbones.base import Backbone, Inputs, Rows
    from mmfeat.sae.interop import TrainedSAE

_BATCH = 64
_CELLS = 1 << 24  # codes held dense at a time, so that a wide SAE gets fewer rows


@dataclass(frozen=True)
class Encoded:
    """Codes of the rows of a stream, for pictures or texts in the order given.

    Attributes
    ----------
    stream : str
        Which stream the rows are of.
    codes : float32 CSR [rows, d_sae]
        Activations.
    x : float32 [rows, d_in]
        The rows themselves, un-normalised.
    source : int64 [rows]
        Which picture or text a row belongs to, ascending.
    position : int16 [rows]
        Patch or token; -1 where pooled.
    start, end : int32 [rows] or None
        For tokens, the characters (code points) of the text.
    """

    stream: str
    codes: sp.csr_array
    x: Float[np.ndarray, "rows d_in"]
    source: Int[np.ndarray, "rows"]
    position: Int[np.ndarray, "rows"]
    start: Int[np.ndarray, "rows"] | None
    end: Int[np.ndarray, "rows"] | None


class Encoder:
    """A backbone and the SAE that acts on its rows.

    Parameters
    ----------
    backbone : Backbone
        The model.
    trained : TrainedSAE
        The SAE.
    hook : str
        Where it acts.
    languages : sequence of str
        Those that captions are standardised by.
    """

    def __init__(
        self, backbone: Backbone, trained: TrainedSAE, hook: str, languages: Sequence[str]
    ) -> None:
        self.backbone, self.trained, self.hook = backbone, trained, hook
        self.languages = tuple(languages)
        point = backbone.point(hook)
        if point.d != trained.d_in:
            raise MmfeatError(
                f"{backbone.spec} has rows of width {point.d} at {hook}, and the SAE acts on "
                f"{trained.d_in}; give the backbone that the activations were extracted from."
            )

    def language_of(self, text: str, language: str | None) -> str:
        """Return the language of a text: the one given, or a guess by its script.

        Raises
        ------
        MmfeatError
            If the SAE was trained on no captions of the language given.
        """
        if language is None:
            return guess_language(text, self.languages)
        tag = normalise_tag(language)
        if tag not in self.languages:
            raise MmfeatError(
                f"The SAE knows no captions in {language}; give one of {', '.join(self.languages)}."
            )
        return tag

    def images(self, pictures: Sequence[Image], stream: str = "image.pooled") -> Encoded:
        """Encode pictures: one row each, or a row a patch for ``image.patch``."""
        inputs = (
            self.backbone.prepare_images(pictures[at : at + _BATCH])
            for at in range(0, len(pictures), _BATCH)
        )
        return self._encode(inputs, stream, np.zeros(len(pictures), np.int64))

    def texts(
        self,
        texts: Sequence[str],
        languages: Sequence[str | None] | None = None,
        stream: str = "text.pooled",
    ) -> Encoded:
        """Encode texts: one row each, or a row a token for ``text.token``.

        Parameters
        ----------
        texts : sequence of str
            The texts.
        languages : sequence of str or None, optional
            Their languages; what is None is guessed (see `language_of`).
        stream : str
            Which rows.
        """
        tags = languages if languages is not None else [None] * len(texts)
        group = [
            self.languages.index(self.language_of(text, tag))
            for text, tag in zip(texts, tags, strict=True)
        ]
        inputs = (
            self.backbone.prepare_texts(texts[at : at + _BATCH])
            for at in range(0, len(texts), _BATCH)
        )
        return self._encode(inputs, stream, np.array(group, np.int64))

    def _encode(
        self, batches: Iterator[Inputs], stream: str, group: Int[np.ndarray, "inputs"]
    ) -> Encoded:
        parts: list[tuple[Rows, int]] = []
        for inputs in batches:
            done = parts[-1][1] + _BATCH if parts else 0
            found = self.backbone.run(inputs, {self.hook: (stream,)})[self.hook]
            parts.append((found[stream], done))
        rows = [part for part, _ in parts]
        width = self.trained.d_in
        x = np.concatenate([np.zeros((0, width), np.float32), *(part.x for part in rows)])
        source = np.concatenate([np.zeros(0, np.int64), *(part.source + at for part, at in parts)])
        return Encoded(
            stream=stream,
            codes=self.codes(stream, x, group[source]),
            x=x,
            source=source,
            position=_joined([part.position for part in rows], np.int16),
            start=_joined([part.start for part in rows], np.int32) if _spans(rows) else None,
            end=_joined([part.end for part in rows], np.int32) if _spans(rows) else None,
        )

    def codes(
        self, stream: str, x: Float[np.ndarray, "rows d_in"], group: Int[np.ndarray, "rows"]
    ) -> sp.csr_array:
        """Encode rows of a stream, [rows, d_sae]; `group` is a row's language, or 0."""
        step = max(1, _CELLS // self.trained.d_sae)
        blocks = [slice(at, at + step) for at in range(0, len(x) or 1, step)]
        parts = [self._block(stream, x[block], group[block]) for block in blocks]
        return sp.vstack(parts, format="csr")

    def _block(
        self, stream: str, x: Float[np.ndarray, "rows d_in"], group: Int[np.ndarray, "rows"]
    ) -> sp.csr_array:
        import torch

        with torch.inference_mode():
            values, latents = self.trained.encode(stream, x, group)
        indptr = np.arange(len(x) + 1, dtype=np.int64) * values.shape[1]
        codes = sp.csr_array(
            (values.numpy().ravel(), latents.numpy().ravel(), indptr),
            shape=(len(x), self.trained.d_sae),
        )
        codes.eliminate_zeros()
        codes.sort_indices()
        return codes


def _spans(rows: Sequence[Rows]) -> bool:
    return bool(rows) and rows[0].start is not None


def _joined(parts: Sequence[np.ndarray | None], dtype: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *(part for part in parts if part is not None)])


def open_backbone(
    atlas: Atlas, backbone: Backbone | str | None = None, device: str = "auto"
) -> Backbone:
    """Return the backbone of an atlas.

    Parameters
    ----------
    atlas : Atlas
        The open atlas.
    backbone : Backbone or str, optional
        The model or its SPEC; default: what the atlas names. Where that is a folder that has
        moved, give its new place.
    device : str
        Where the model runs.

    Raises
    ------
    MmfeatError
        If the backbone is not at hand.
    """
    from mmfeat.backbones.registry import load_backbone

    if backbone is not None and not isinstance(backbone, str):
        return backbone
    try:
        return load_backbone(backbone or atlas.backbone, device)
    except MmfeatError as error:
        raise MmfeatError(
            f"The backbone of {atlas.path} is not at hand: {error} Where it has moved, say "
            "where it is with --backbone."
        ) from error


def open_encoder(
    atlas: Atlas, backbone: Backbone | str | None = None, device: str = "auto"
) -> Encoder:
    """Return the encoder of an atlas; parameters are those of `open_backbone`.

    Raises
    ------
    MmfeatError
        If the backbone is not at hand or does not fit the SAE.
    """
    model = open_backbone(atlas, backbone, device)
    return Encoder(model, atlas.trained_sae(), atlas.hook, atlas.languages)
