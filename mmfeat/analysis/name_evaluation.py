"""How well a name predicts what a feature does: AUROC of firing, and simulation score.

The prediction for a row is the cosine between the name's embedding and the row, both
standardised as the SAE sees them. Nothing else of the feature is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.analysis.naming.vocabulary import unit

GOOD = 0.8  # AUROC from which a name counts as one that predicts well
_CELLS = 1 << 20  # numbers held at a time: they should stay in the cache


@dataclass(frozen=True)
class Firings:
    """On which of some rows each feature fires, and rows to tell these from.

    Attributes
    ----------
    rows : float32 [rows, d]
        Standardised rows, to norm 1.
    indptr : int64 [features + 1]
        Where the rows of each feature begin in `fires`.
    fires : int [firings]
        Rows on which a feature fires; all those of the background among them.
    background : int [background]
        Rows that are compared with, each once.
    """

    rows: Float[np.ndarray, "rows d"]
    indptr: Int[np.ndarray, "features+1"]
    fires: Int[np.ndarray, "firings"]
    background: Int[np.ndarray, "background"]


def auroc(
    embeddings: Float[np.ndarray, "names d"],
    names: Int[np.ndarray, "features m"],
    firings: Firings,
    cells: int = _CELLS,
) -> Float[np.ndarray, "features m"]:
    """Return how well names tell rows on which a feature fires from background rows.

    The probability that the cosine of a name is larger to a row on which the feature fires than
    to a background row on which it does not; ties count half. Exact: where the background is
    all rows, it is the AUROC over these.

    Parameters
    ----------
    embeddings : float32 [names, d]
        A row a name, to norm 1.
    names : int [features, m]
        The names tried for each feature, padded with -1.
    firings : Firings
        Where features fire.
    cells : int
        Most numbers held at a time.

    Returns
    -------
    float32 [features, m]
        NaN where the feature fires on none of the rows or on the whole background, or the name
        has no embedding (a row of zeros).
    """
    found = np.full(names.shape, np.nan, np.float32)
    if not len(embeddings) or not len(firings.background):
        return found
    # In float64, so that equal rows have equal cosines in whatever block they are.
    behind = _wide(firings.rows[firings.background]).T
    tried, place = np.unique(names, return_inverse=True)
    step = max(1, cells // len(firings.background))
    ranked = np.empty((len(tried), len(firings.background)), np.float32)
    for at in range(0, len(tried), step):
        part = _wide(embeddings[tried[at : at + step]]) @ behind
        ranked[at : at + len(part)] = part.float().numpy()
        ranked[at : at + len(part)].sort(axis=1)  # many times as fast as PyTorch sorts
    place = place.reshape(names.shape)
    inside = np.zeros(len(firings.rows), bool)
    inside[firings.background] = True
    count = np.diff(firings.indptr)
    left = np.flatnonzero((count > 0) & (names >= 0).any(axis=1))
    left = left[np.argsort(count[left], kind="stable")]
    d, m = embeddings.shape[1], names.shape[1]
    while len(left):
        # Features with similar numbers of rows go together, padded to the most.
        cost = count[left] * (d + 4 * m) + m * (d + len(firings.background))
        size = max(1, int((np.arange(1, len(left) + 1) * cost <= cells).sum()))
        block, left = left[:size], left[size:]
        background = torch.from_numpy(ranked[place[block]])
        found[block] = _part(embeddings[names[block]], background, block, firings, inside)
    empty = np.asarray(~embeddings.any(axis=1))
    found[(names < 0) | empty[names]] = np.nan
    return found


def _part(
    embeddings: Float[np.ndarray, "block m d"],
    ranked: Float[Tensor, "block m background"],
    feature: Int[np.ndarray, "block"],
    firings: Firings,
    inside: Bool[np.ndarray, "rows"],
) -> Float[np.ndarray, "block m"]:
    begin, count = firings.indptr[feature], np.diff(firings.indptr)[feature]
    step = np.arange(count.max())
    known = step < count[:, None]
    rows = firings.fires[np.where(known, begin[:, None] + step, begin[:, None])]
    cosine = (_wide(embeddings) @ _wide(firings.rows[rows]).mT).float()
    real = torch.from_numpy(known)[:, None]
    in_both = inside[rows] & known
    both = torch.from_numpy(in_both)[:, None]
    # Rows of the background on which the feature fires are no negatives.
    among = np.sort(torch.where(both, cosine, torch.inf).numpy(), axis=2)
    fellows = torch.from_numpy(among[:, :, : in_both.sum(1).max()].copy())
    above = _below(ranked, cosine) - _below(fellows, cosine)
    pairs = real.sum(2) * (ranked.shape[2] - both.sum(2))
    wins = torch.where(real, above, 0.0).sum(2)
    return np.asarray(torch.where(pairs > 0, wins / pairs, torch.nan).numpy(), np.float32)


def _wide(rows: np.ndarray) -> Tensor:
    return torch.from_numpy(rows).double()


def _below(
    ranked: Float[Tensor, "block m n"], values: Float[Tensor, "block m k"]
) -> Float[Tensor, "block m k"]:
    """Return how many of the ascending numbers are smaller, equal ones counting half."""
    left = torch.searchsorted(ranked, values)
    right = torch.searchsorted(ranked, values, right=True)
    return (left + right).double() / 2


class Simulation:
    """Pearson correlation of predicted and true activation over rows that come in chunks.

    The simulation score of Bills et al., 'Language models can explain neurons in language
    models', 2023, with the cosine between the name and a row as the simulator. In closed form
    from sums over rows, silent ones included: nothing is sampled, and memory does not grow with
    the number of rows.

    Parameters
    ----------
    features, d : int
        Numbers of features, and of dimensions of a row.
    """

    def __init__(self, features: int, d: int) -> None:
        self._n = 0
        self._rows, self._squares = np.zeros(d), np.zeros((d, d))
        self._weighted = np.zeros((features, d), np.float32)
        self._total, self._energy = np.zeros(features), np.zeros(features)

    def add(self, rows: Float[np.ndarray, "chunk d"], codes: sp.csr_array) -> None:
        """Take in some standardised rows and their codes [chunk, features]."""
        x = unit(rows)
        self._n += len(x)
        self._rows += x.sum(axis=0, dtype=np.float64)
        self._squares += x.astype(np.float64).T @ x
        self._weighted += codes.astype(np.float32).T @ x
        self._total += codes.sum(axis=0)
        self._energy += codes.power(2).sum(axis=0)

    def score(
        self, embeddings: Float[np.ndarray, "names d"], name: Int[np.ndarray, "features"]
    ) -> Float[np.ndarray, "features"]:
        """Return the correlation of each feature's activation with what its name predicts.

        Parameters
        ----------
        embeddings : float [names, d]
            A row a name.
        name : int [features]
            The name of each feature; -1 where it has none.

        Returns
        -------
        float32 [features]
            NaN where there is no name, or activation or prediction is the same everywhere.
        """
        found = np.full(len(name), np.nan, np.float32)
        if not self._n or not len(embeddings):
            return found
        v = unit(embeddings).astype(np.float64)
        mean = v @ self._rows / self._n
        spread = np.einsum("nd,nd->n", v @ self._squares, v) / self._n - mean**2
        own = np.flatnonzero(name >= 0)
        which = name[own]
        activation = self._total[own] / self._n
        variance = self._energy[own] / self._n - activation**2
        product = np.einsum("fd,fd->f", v[which].astype(np.float32), self._weighted[own])
        covariance = product / self._n - mean[which] * activation
        defined = (variance > 0) & (spread[which] > 1e-12)
        scale = np.sqrt(np.where(defined, variance * spread[which], 1.0))
        found[own] = np.where(defined, covariance / scale, np.nan)
        return found


def summary(
    measured: Mapping[str, Float[np.ndarray, "features"]], candidates: int
) -> Mapping[str, float | int | None]:
    """Return what the names of a language are worth over all features.

    Parameters
    ----------
    measured : mapping of str to float [features]
        What was measured, AUROC or simulation score; NaN where a feature has no name or does
        not fire on test rows.
    candidates : int
        Features that could have a name.

    Returns
    -------
    mapping
        Means and shares (``*_good``: AUROC of at least `GOOD`) over features where the number
        can be had (``*_features``), None where it can be had for none.
    """
    out: dict[str, float | int | None] = {"features": candidates}
    for key, values in measured.items():
        known = values[np.isfinite(values)].astype(np.float64)
        out[key] = float(known.mean()) if len(known) else None
        if key.startswith("auroc"):
            out[f"{key}_good"] = float((known >= GOOD).mean()) if len(known) else None
            out[f"{key}_features"] = len(known)
    return out
