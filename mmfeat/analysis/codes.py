"""The codes of all rows of a stream, in both orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.errors import MmfeatError
from mmfeat.progress import Advance
from mmfeat.sae.interop import TrainedSAE, load_sae
from mmfeat.store.activations import Activations, Stream

_CHUNK = 16_384
# Most pre-activations held at a time, so that a wide SAE gets fewer rows.
_CELLS = 1 << 26


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
        small = len(self.indices) < np.iinfo(np.int32).max
        position = np.arange(len(self.indices), dtype=np.int32 if small else np.int64)
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

    def matrix(self) -> sp.csr_array:
        """Return the codes as float64 [n, d_sae]."""
        values = self.data.astype(np.float64)
        return sp.csr_array((values, self.indices, self.indptr), (self.n, self.d_sae))

    def select(self, rows: Int[np.ndarray, "chosen"]) -> Codes:
        """Return the codes of some rows, in the order given."""
        counts = np.diff(self.indptr)[rows]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        entry = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], counts)
        return Codes(indptr, self.indices[entry], self.data[entry], self.d_sae)


class EncodedRows(NamedTuple):
    """Some rows of a stream, each encoded from itself alone.

    Attributes
    ----------
    row, group : int [rows]
        Which rows of the stream, and the mean and scale each has.
    raw : float32 [rows, d_in]
        As stored.
    x : float32 [rows, d_in]
        Standardised as the SAE takes them.
    values, latents : [rows, m]
        Activations and latents; a silent one has activation 0.
    """

    row: Int[np.ndarray, "rows"]
    group: Int[np.ndarray, "rows"]
    raw: Float[np.ndarray, "rows d_in"]
    x: Float[Tensor, "rows d_in"]
    values: Float[Tensor, "rows m"]
    latents: Int[Tensor, "rows m"]


def load_matching(folder: Path, activations: Activations) -> tuple[TrainedSAE, str]:
    """Read an SAE that acts on these activations, and say at which hook point.

    An SAE of another program says neither what it was trained on nor how rows are standardised:
    it acts on raw rows, at its hook point if it names one of the file's, or the only one.

    Raises
    ------
    MmfeatError
        If the SAE was trained on another backbone or with other languages, or its hook point
        is not known.
    """
    hooks = activations.hooks
    streams = sorted({name for streams in hooks.values() for name in streams})
    trained = load_sae(folder, streams, len(activations.languages))
    hook = trained.metadata.get("hook_name")
    if "provenance" in trained.metadata:
        own = (("model_name", activations.backbone), ("languages", list(activations.languages)))
        for key, value in own:
            known = trained.metadata.get(key)
            if known != value:
                raise MmfeatError(
                    f"{folder} was trained with {key} {known}, but {activations.path} has {value}; "
                    "give the activations it was trained on."
                )
    elif hook not in hooks:
        if len(hooks) != 1:
            raise MmfeatError(
                f"{folder} does not say at which of {', '.join(hooks)} it acts; write it into "
                "metadata.hook_name of its cfg.json."
            )
        (hook,) = hooks
    return trained, str(hook)


def check_known(trained: TrainedSAE, stream: Stream) -> None:
    """Refuse a stream that an SAE does not know.

    Raises
    ------
    MmfeatError
        If it has no mean and scale of the stream, or another width.
    """
    if stream.name not in trained.streams or stream.d != trained.d_in:
        raise MmfeatError(
            f"The SAE has no mean and scale for {stream.name} of width {stream.d}; give the "
            "activations it was trained on."
        )


@torch.inference_mode()
def encoded(
    trained: TrainedSAE, stream: Stream, chosen: Bool[np.ndarray, "rows"] | None = None
) -> Iterator[EncodedRows]:
    """Encode the chosen rows of a stream (default: all) in order, a chunk at a time.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream or its width.
    """
    check_known(trained, stream)
    sae = trained.sae_of(stream.name)
    x, group = stream.x, stream.group.astype(np.int64)
    step = max(1, min(_CHUNK, _CELLS // trained.d_sae))
    for start in range(0, stream.n, step):
        index = np.arange(start, min(start + step, stream.n))
        raw = x[start : start + step]
        if chosen is not None:
            kept = chosen[index]
            index, raw = index[kept], raw[kept]
        if len(index) == 0:
            continue
        raw, own = np.asarray(raw, np.float32), group[index]
        rows = trained.standardise(stream.name, raw, own)
        yield EncodedRows(index, own, raw, rows, *sae.encode(rows))


def _nothing(_part: EncodedRows) -> None:
    pass


@torch.inference_mode()
def encode_stream(
    trained: TrainedSAE,
    stream: Stream,
    advance: Advance,
    see: Callable[[EncodedRows], None] = _nothing,
) -> Codes:
    """Encode all rows of a stream, each from itself alone, and let `see` see them on the way.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream or its width.
    """
    counts = [np.zeros(1, np.int64)]
    indices, data = [np.zeros(0, np.int32)], [np.zeros(0, np.float16)]
    for part in encoded(trained, stream):
        see(part)
        order = part.latents.argsort(1)
        values, latents = part.values.gather(1, order).half(), part.latents.gather(1, order)
        on = values > 0  # after rounding, so that what is stored fires
        counts.append(on.sum(1).numpy())
        indices.append(latents[on].numpy().astype(np.int32))
        data.append(values[on].numpy())
        advance(len(part.row))
    stream.let_go()
    return Codes(
        np.cumsum(np.concatenate(counts)),
        np.concatenate(indices),
        np.concatenate(data),
        trained.d_sae,
    )
