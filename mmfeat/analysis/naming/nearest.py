"""Names of features: the caption nearest to the decoder row, in every language."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mmfeat.analysis.codes import Codes
from mmfeat.store.activations import Stream


def nearest_captions(
    stream: Stream, codes: Codes, decoder: Float[np.ndarray, "d_sae d_in"], languages: int
) -> tuple[Int[np.ndarray, "d_sae languages"], Float[np.ndarray, "d_sae languages"]]:
    """Return for each feature and language the row whose caption names it, and its score.

    Among the captions on which the feature fires, the one whose standardised
    activation has the largest cosine to the decoder row; the cosine is the
    score. A feature that fires on no caption of a language has no good name
    there: row -1, score NaN.

    Parameters
    ----------
    stream : Stream
        ``text.pooled``.
    codes : Codes
        Its codes.
    decoder : float32 [d_sae, d_in]
        Decoder rows.
    languages : int
        Number of languages.
    """
    unit = decoder / np.maximum(np.linalg.norm(decoder, axis=1, keepdims=True), 1e-12)
    cosine = np.empty(len(codes.indices), np.float32)
    for part, rows in stream.chunks(4096):
        norm = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        entries = slice(codes.indptr[part.start], codes.indptr[part.stop])
        row = codes.row[entries] - part.start
        cosine[entries] = np.einsum(
            "nd,nd->n", (rows / norm)[row], unit[codes.indices[entries]], optimize=True
        )
    language = stream.language[codes.row].astype(np.int64)
    key = codes.indices.astype(np.int64) * languages + language
    # Last of each key after sorting by cosine; ties go to the earlier caption.
    order = np.lexsort((-codes.row, cosine, key))
    last = np.flatnonzero(np.append(np.diff(key[order]) != 0, True)) if len(order) else order
    best = order[last]
    name = np.full(codes.d_sae * languages, -1, np.int32)
    score = np.full(codes.d_sae * languages, np.nan, np.float32)
    name[key[best]], score[key[best]] = codes.row[best], cosine[best]
    return name.reshape(-1, languages), score.reshape(-1, languages)
