r"""Whether pictures and captions have the same neighbourhoods: CKNNA (Huh et al., ICML 2024).

'The Platonic Representation Hypothesis': centred kernel alignment that looks at nearest neighbours
alone. With the kernels :math:`K, L` of cosines between the same n units in two representations, and
:math:`\alpha_{ij} = 1` where j is among the k nearest of i in both,

.. math:: \frac{H(\alpha K, \alpha L)}{\sqrt{H(\alpha_K K, \alpha_K K)\, H(\alpha_L L, \alpha_L L)}}

where :math:`\alpha_K, \alpha_L` are the neighbours in one, and H is the unbiased estimator of HSIC
(Song et al. 2012, equation 5), whose diagonals are 0. 1 says the same neighbours at the same
distances. Values depend on k and on n: compare only what has the same of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int

from mmfeat.analysis.bridge import averaging
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.held_out import with_mean
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Stream

NEIGHBOURS = 10
# Most units: n x n cosines are taken for every language and representation.
MOST_UNITS = 4096
PERMUTATIONS = 20
_SEED = 0
_CELLS = 1 << 23
# Cosines this near are a tie: they are float64, so that equal rows differ by less.
_ROUNDING = 1e-12


class Alignment(TypedDict):
    """CKNNA by language and ``mean``, and its mean when units are paired at random."""

    cknna: dict[str, float | None]
    chance: dict[str, float | None]
    units: dict[str, int]


def nearest(
    x: Float[np.ndarray, "units d"] | sp.csr_array, k: int = NEIGHBOURS, cells: int = _CELLS
) -> sp.csr_array:
    """Return the cosines of each row with its k nearest others, sparse [n, n].

    Exact, in blocks. A row that ties with the (k + 1)-th is no neighbour, so that neighbours do
    not depend on the order of rows; there are fewer than k then.
    """
    n = x.shape[0]
    rows = _unit(x)
    columns = rows.T
    step = max(1, cells // max(1, n))
    found = []
    for start in range(0, n, step):
        part = rows[start : start + step] @ columns
        similar = torch.from_numpy(part.toarray() if sp.issparse(part) else part)
        similar.diagonal(start).fill_(-torch.inf)  # a row is not its own neighbour
        largest, index = similar.topk(min(k + 1, n), dim=1)
        kept = largest > largest[:, -1:] + _ROUNDING
        found.append([values.numpy() for values in (kept.sum(dim=1), largest[kept], index[kept])])
    counts, cosine, column = (np.concatenate(values) for values in zip(*found, strict=True))
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    neighbours = sp.csr_array((cosine, column, indptr), (n, n))
    neighbours.sort_indices()
    return neighbours


def cknna(k: sp.csr_array, other: sp.csr_array) -> float | None:
    """Return the CKNNA of two representations of the same units, from `nearest` of each.

    None where there are fewer than 4 units, or neighbours that say nothing.
    """
    if k.shape[0] < 4:
        return None
    own = _hsic(k, k) * _hsic(other, other)
    mutual = _hsic(k.multiply(_pattern(other)), other.multiply(_pattern(k)))
    return mutual / float(np.sqrt(own)) if own > 0 else None


def _hsic(a: sp.sparray, b: sp.sparray) -> float:
    """Return the unbiased HSIC of two kernels with empty diagonals (Song et al. 2012)."""
    n = a.shape[0]
    trace = a.multiply(b.T).sum()
    sums = a.sum() * b.sum() / ((n - 1) * (n - 2))
    cross = a.sum(axis=0) @ b.sum(axis=1) / (n - 2)
    return float((trace + sums - 2 * cross) / (n * (n - 3)))


def _pattern(a: sp.csr_array) -> sp.csr_array:
    return sp.csr_array((np.ones(len(a.data)), a.indices, a.indptr), a.shape)


def _unit(x: np.ndarray | sp.csr_array) -> np.ndarray | sp.csr_array:
    """Scale rows to unit norm in float64; zero rows stay zero."""
    if not sp.issparse(x):
        dense = np.asarray(x, np.float64)
        norm = np.linalg.norm(dense, axis=1, keepdims=True)
        return np.asarray(dense / np.maximum(norm, 1e-300))
    rows = sp.csr_array(x)
    norm = np.sqrt(rows.multiply(rows).sum(axis=1))
    return sp.csr_array(sp.diags_array(1 / np.maximum(norm, 1e-300)) @ rows)


def cknna_by_language(
    trained: TrainedSAE,
    streams: tuple[Stream, Stream],
    codes: tuple[Codes, Codes],
    unit: Int[np.ndarray, "items"],
    languages: Sequence[str],
    k: int = NEIGHBOURS,
) -> Mapping[str, Alignment]:
    """Return CKNNA between pictures and captions of units, a language at a time.

    A unit's captions in a language are averaged. `MOST_UNITS` units, drawn by a fixed seed from
    those that have a picture and a caption, are compared; ``units`` says how many a language has.

    Parameters
    ----------
    trained
        The SAE.
    streams, codes
        Pooled pictures and captions, and their codes.
    unit
        The unit of each item, or -1.
    languages
        Tags of the languages.

    Returns
    -------
    mapping
        For ``embedding`` (raw rows), ``reconstruction`` (of them, in the same space) and
        ``code``.
    """
    image, text = streams
    own, theirs = unit[image.item], unit[text.item]
    both = np.intersect1d(own[own >= 0], theirs[theirs >= 0])
    if len(both) > MOST_UNITS:
        both = np.sort(np.random.default_rng(_SEED).choice(both, MOST_UNITS, replace=False))
    found: dict[str, Alignment] = {
        name: {"cknna": {}, "chance": {}, "units": {}}
        for name in ("embedding", "reconstruction", "code")
    }
    pictures: dict[str, sp.csr_array] = {}
    known = np.zeros(0, np.int64)
    for index, tag in enumerate(languages):
        spoken = np.where(text.language == index, theirs, -1)
        here = np.intersect1d(both, spoken)
        if len(here) < 4:
            continue
        if not np.array_equal(here, known):
            known = here
            pictures = _kernels(trained, image, codes[0], own, here, k)
        captions = _kernels(trained, text, codes[1], spoken, here, k)
        rng = np.random.default_rng(_SEED)
        shuffles = [rng.permutation(len(here)) for _ in range(PERMUTATIONS)]
        for name, result in found.items():
            a, b = pictures[name], captions[name]
            result["cknna"][tag] = cknna(a, b)
            random = [cknna(a, sp.csr_array(b[order][:, order])) for order in shuffles]
            values = [value for value in random if value is not None]
            result["chance"][tag] = float(np.mean(values)) if values else None
            result["units"][tag] = len(here)
    for result in found.values():
        result["cknna"] = with_mean(result["cknna"])
        result["chance"] = with_mean(result["chance"])
    return found


def _kernels(
    trained: TrainedSAE,
    stream: Stream,
    codes: Codes,
    unit: Int[np.ndarray, "rows"],
    units: Int[np.ndarray, "some"],
    k: int,
) -> dict[str, sp.csr_array]:
    """Return the neighbours of some units, ascending, in each representation."""
    rows = np.flatnonzero(np.isin(unit, units))
    means = averaging(np.searchsorted(units, unit[rows]), np.zeros(len(rows), int), len(units))
    sparse = codes.select(rows).matrix()
    sae, stats = trained.sae_of(stream.name), trained.streams[stream.name]
    decoder, bias = (w.detach().double().numpy() for w in (sae.W_dec, sae.b_dec))
    group = stream.group[rows]
    rebuilt = (sparse @ decoder + bias) / stats.scale[group, None] + stats.mean[group]
    return {
        "embedding": nearest(means @ np.asarray(stream.take(rows), np.float64), k),
        "reconstruction": nearest(means @ rebuilt, k),
        "code": nearest(sp.csr_array(means @ sparse), k),
    }
