"""The codes of all rows of a stream, in both orders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int

from mmfeat.errors import MmfeatError
from mmfeat.progress import Advance
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Stream


@dataclass(frozen=True)
class Codes:
    """Sparse codes of n rows.

    Attributes
    ----------
    indptr : int64 [n + 1]
        Where each row begins.
    indices : int32 [nnz]
        Features that fire, ascending within a row.
    data : float16 [nnz]
        Their activations, all above 0.
    """

    indptr: Int[np.ndarray, "rows+1"]
    indices: Int[np.ndarray, "nnz"]
    data: Float[np.ndarray, "nnz"]
    d_sae: int

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    @cached_property
    def row(self) -> Int[np.ndarray, "nnz"]:
        """The row of each entry."""
        return np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.indptr))

    @cached_property
    def _by_feature(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # SciPy transposes in linear time; carrying positions keeps float16 out of it.
        position = np.arange(len(self.indices), dtype=np.int64)
        csr = sp.csr_matrix((position, self.indices, self.indptr), (self.n, self.d_sae))
        csc = csr.tocsc()
        return csc.indptr.astype(np.int64), csc.indices.astype(np.int32), csc.data

    @property
    def feature_indptr(self) -> Int[np.ndarray, "d_sae+1"]:
        """Where the postings of each feature begin."""
        return self._by_feature[0]

    @property
    def feature_rows(self) -> Int[np.ndarray, "nnz"]:
        """Rows each feature fires on, ascending."""
        return self._by_feature[1]

    @property
    def feature_data(self) -> Float[np.ndarray, "nnz"]:
        """Activations in the order of `feature_rows`."""
        return np.asarray(self.data[self._by_feature[2]])

    def firing(self) -> sp.csr_matrix:
        """Return which feature fires on which row, as booleans [n, d_sae]."""
        ones = np.ones(len(self.indices), bool)
        return sp.csr_matrix((ones, self.indices, self.indptr), (self.n, self.d_sae))


@torch.inference_mode()
def encode_stream(trained: TrainedSAE, stream: Stream, advance: Advance) -> Codes:
    """Encode all rows of a stream, each from itself alone.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream or its width.
    """
    known = trained.streams.get(stream.name)
    if known is None or stream.d != trained.sae.d_in:
        raise MmfeatError(
            f"The SAE has no mean and scale for {stream.name} of width {stream.d}; give the "
            "activations it was trained on."
        )
    sae = trained.sae
    counts = [np.zeros(1, np.int64)]
    indices, data = [], []
    x, group = stream.x, stream.group.astype(np.int64)
    for start in range(0, stream.n, 16_384):
        part = slice(start, min(start + 16_384, stream.n))
        g = group[part]
        rows = (np.asarray(x[part], np.float32) - known.mean[g]) * known.scale[g, None]
        values, latents = sae.encode(torch.from_numpy(rows))
        order = latents.argsort(1)
        values, latents = values.gather(1, order).half(), latents.gather(1, order)
        on = values > 0  # after rounding, so that what is stored fires
        counts.append(on.sum(1).numpy())
        indices.append(latents[on].numpy().astype(np.int32))
        data.append(values[on].numpy())
        advance(part.stop - part.start)
    empty = np.zeros(0)
    return Codes(
        np.cumsum(np.concatenate(counts)),
        np.concatenate(indices) if indices else empty.astype(np.int32),
        np.concatenate(data) if data else empty.astype(np.float16),
        sae.d_sae,
    )
