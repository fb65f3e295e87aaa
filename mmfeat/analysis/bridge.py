r"""Which feature of pictures goes with which feature of captions (Papadimitriou et al., COLM 2025).

Over true pairs of a picture and a caption, with centred codes and unit decoder rows,

.. math:: B = E[(z_I - \bar z_I)(z_T - \bar z_T)^\top] \odot (D_I D_T^\top)

An entry is large where two latents fire together and point the same way. Only entries whose
latents fire together on some pair are kept; centring them needs the two means alone, as
:math:`E[z_I z_T] - \bar z_I \bar z_T`, so no dense [d_sae, d_sae] is ever built.

If pictures and captions of n pairs are paired at random, the covariance of two latents has mean 0
and variance :math:`\sigma_I^2 \sigma_T^2 / (n - 1)`, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.analysis.retrieval import unit_rows
from mmfeat.errors import MmfeatError
from mmfeat.progress import Advance, ignore

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

PARTNERS = 10
# Most products of codes, and entries waiting to be sorted, held at a time.
_CELLS = 1 << 22
# Cosines a product: many rows at a time are multiplied faster.
_COSINES = 8


@dataclass(frozen=True)
class Side:
    """The strongest entries of each feature's row, or column, of the bridge.

    Attributes
    ----------
    index : int32 [d_sae, k]
        Partners by falling |B|, the lower index first where alike; -1 where there are fewer.
    value : float32 [d_sae, k]
        B; NaN where there is no partner.
    z : float32 [d_sae, k]
        The covariance, in standard deviations under random pairing.
    """

    index: Int[np.ndarray, "d_sae k"]
    value: Float[np.ndarray, "d_sae k"]
    z: Float[np.ndarray, "d_sae k"]


@dataclass(frozen=True)
class Bridge:
    """A bridge over n pairs.

    Attributes
    ----------
    image : Side
        Partners of a feature as pictures have it, on the side of captions.
    text : Side
        Partners of a feature as captions have it, on the side of pictures.
    own, own_z : float64 [d_sae]
        The diagonal: a feature with itself; NaN where it never fires on both sides of a pair.
    mass_image, mass_text : float64 [d_sae]
        Sum of |B| over a row, and over a column.
    pairs : int
        n.
    """

    image: Side
    text: Side
    own: Float[np.ndarray, "d_sae"]
    own_z: Float[np.ndarray, "d_sae"]
    mass_image: Float[np.ndarray, "d_sae"]
    mass_text: Float[np.ndarray, "d_sae"]
    pairs: int

    def summary(self) -> dict[str, float | int | None]:
        """Return the bridge in numbers; None where it is empty.

        ``pairs``; ``diagonal``, the share of the mass (sum of |B|) that features have with
        themselves; ``top_image`` and ``top_text``, the shares within each row's and each column's
        strongest entry; ``own_best``, features that are their own strongest partner as pictures
        have them, of ``partnered`` features with any.
        """
        total = float(self.mass_image.sum())
        features = np.arange(len(self.own))
        shares = {
            "diagonal": np.nansum(np.abs(self.own)),
            "top_image": np.nansum(np.abs(self.image.value[:, :1])),
            "top_text": np.nansum(np.abs(self.text.value[:, :1])),
        }
        return {
            "pairs": self.pairs,
            **{name: float(mass / total) if total else None for name, mass in shares.items()},
            "own_best": int((self.image.index[:, 0] == features).sum()),
            "partnered": int((self.image.index[:, 0] >= 0).sum()),
        }


def averaging(
    unit: Int[np.ndarray, "rows"], group: Int[np.ndarray, "rows"], units: int
) -> sp.csr_array:
    """Return what takes rows to means of units [units, rows].

    First over a unit's rows of one group (a language), then over its groups, so that each
    counts alike; `unit` is -1 for rows that belong to none. A unit without rows gets zeros.
    """
    inside = np.flatnonzero(unit >= 0)
    own, language = unit[inside].astype(np.int64), group[inside].astype(np.int64)
    groups = int(language.max(initial=0)) + 1
    count = np.bincount(own * groups + language, minlength=units * groups).reshape(units, groups)
    weight = 1 / (count[own, language] * (count[own] > 0).sum(axis=1))
    return sp.csr_array((weight, (own, inside)), (units, len(unit)))


def paired_codes(
    image: Codes,
    text: Codes,
    image_unit: Int[np.ndarray, "image_rows"],
    text_unit: Int[np.ndarray, "text_rows"],
    language: Int[np.ndarray, "text_rows"],
) -> tuple[sp.csr_array, sp.csr_array]:
    """Return the codes of pictures and of captions of units that have both [pairs, d_sae].

    Several captions of a unit are averaged, see `averaging`; units are -1 for rows of none.
    """
    both = np.intersect1d(image_unit[image_unit >= 0], text_unit[text_unit >= 0])
    sides = []
    for codes, unit, group in (
        (image, image_unit, np.zeros_like(image_unit)),
        (text, text_unit, language),
    ):
        rows = np.flatnonzero(np.isin(unit, both))
        pair = np.searchsorted(both, unit[rows])
        means = averaging(pair, group[rows], len(both)) @ codes.select(rows).matrix()
        sides.append(sp.csr_array(means))
    return sides[0], sides[1]


def moments(
    codes: sp.csr_array,
) -> tuple[Float[np.ndarray, "d_sae"], Float[np.ndarray, "d_sae"]]:
    """Return mean and standard deviation of each feature over all rows, silent ones included.

    The deviation is NaN where the feature is silent or fires alike on all rows.
    """
    n, f = codes.shape
    mean = np.bincount(codes.indices, codes.data, f) / max(n, 1)
    fires = np.bincount(codes.indices, minlength=f)
    # About the mean, as the difference of two squares would leave rounding behind.
    square = np.bincount(codes.indices, (codes.data - mean[codes.indices]) ** 2, f)
    sd = np.sqrt((square + (n - fires) * mean**2) / max(n, 1))
    sd[sd <= 1e-7 * mean] = np.nan
    return mean, sd


def bridge(
    image: sp.csr_array,
    text: sp.csr_array,
    image_decoder: Float[np.ndarray, "d_sae d_in"],
    text_decoder: Float[np.ndarray, "d_sae d_in"],
    k: int = PARTNERS,
    cells: int = _CELLS,
    advance: Advance = ignore,
) -> Bridge:
    """Compute the bridge of pairs, some rows of it at a time.

    Parameters
    ----------
    image, text
        Codes of the two sides of each pair [pairs, d_sae], none below 0.
    image_decoder, text_decoder
        Decoder rows of the two sides, of any norm; the same where there is one decoder.
    k
        Partners kept of each feature.
    cells
        Bound on the numbers held at a time.
    advance
        Told of the features that are done.

    Raises
    ------
    MmfeatError
        If the two sides differ in pairs or features.
    """
    if image.shape != text.shape:
        raise MmfeatError(
            f"Codes of pictures have shape {image.shape} and codes of captions {text.shape}; give "
            "one row of each for every pair, by the same SAE."
        )
    n, f = image.shape
    mean_i, sd_i = moments(image)
    mean_t, sd_t = moments(text)
    d_i = unit_rows(np.asarray(image_decoder, np.float32))
    # Dead latents have no entries: their cosines are not needed.
    live_t = np.flatnonzero(mean_t > 0)
    d_t = unit_rows(np.asarray(text_decoder, np.float32))[live_t].T
    by_latent, captions = sp.csr_array(image.T), sp.csr_array(text)[:, live_t]
    mass_i, mass_t = np.zeros(f), np.zeros(f)
    own, own_z = np.full(f, np.nan), np.full(f, np.nan)
    rows, columns = _Strongest(f, k), _Strongest(f, k)
    starts = _blocks(by_latent, captions, cells)
    for start, stop in pairwise(starts):
        together = sp.csr_array(by_latent[start:stop] @ captions)
        together.sort_indices()
        at = np.repeat(np.arange(stop - start), np.diff(together.indptr))
        cosine = (d_i[start:stop] @ d_t)[at, together.indices]
        i, j = at + start, live_t[together.indices]
        covariance = together.data / max(n, 1) - mean_i[i] * mean_t[j]
        z = covariance / (sd_i[i] * sd_t[j]) * np.sqrt(max(n - 1, 0))
        value = covariance * cosine
        mass_i += np.bincount(i, np.abs(value), f)
        mass_t += np.bincount(j, np.abs(value), f)
        same = i == j
        own[i[same]], own_z[i[same]] = value[same], z[same]
        rows.add(i, j, value, z)
        rows.compact()
        columns.add(j, i, value, z)
        if columns.waiting > cells:
            columns.compact()
        advance(stop - start)
    return Bridge(rows.side(), columns.side(), own, own_z, mass_i, mass_t, n)


def _blocks(by_latent: sp.csr_array, captions: sp.csr_array, cells: int) -> list[int]:
    """Cut the latents of pictures so that a block has a bounded number of products."""
    f, width = by_latent.shape[0], captions.shape[1]
    each = np.diff(captions.indptr)
    products = np.concatenate([[0], np.cumsum(each[by_latent.indices])])[by_latent.indptr]
    most = max(1, _COSINES * cells // max(1, width))
    starts = [0]
    while starts[-1] < f:
        first = starts[-1]
        stop = int(np.searchsorted(products, products[first] + cells, side="right")) - 1
        starts.append(min(f, first + most, max(first + 1, stop)))
    return starts


class _Strongest:
    """The k entries of largest magnitude of each owner, of entries that come in parts."""

    def __init__(self, owners: int, k: int) -> None:
        self._k = k
        self._least = np.zeros(owners, np.float32)  # what an entry must reach to matter
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._kept = Side(
            np.full((owners, k), -1, np.int32),
            np.full((owners, k), np.nan, np.float32),
            np.full((owners, k), np.nan, np.float32),
        )
        self.waiting = 0

    def add(
        self,
        owner: Int[np.ndarray, "n"],
        partner: Int[np.ndarray, "n"],
        value: Float[np.ndarray, "n"],
        z: Float[np.ndarray, "n"],
    ) -> None:
        """Take entries, those of an owner by rising partner and after those taken before."""
        rounded = value.astype(np.float32)
        kept = np.flatnonzero(np.abs(rounded) >= self._least[owner])
        part = (owner[kept], partner[kept], rounded[kept], z[kept].astype(np.float32))
        self._parts.append(part)
        self.waiting += len(kept)

    def compact(self) -> None:
        """Let go of entries that are not among the strongest of their owner."""
        fresh = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        self._parts, self.waiting = [], 0
        if not fresh or not len(fresh[0]):
            return
        # The owners at hand alone, what they have kept already before what is new.
        present = np.zeros(len(self._least), bool)
        present[fresh[0]] = True
        owners = np.flatnonzero(present)
        old = np.nonzero(self._kept.index[owners] >= 0)
        before = (owners[old[0]], *(a[owners][old] for a in self._columns()))
        owner, partner, value, z = (
            np.concatenate(both) for both in zip(before, fresh, strict=True)
        )
        # One number sorts by owner and then by falling magnitude: the bits of a positive float
        # are ordered as it is. A stable sort leaves ties by rising partner.
        strength = np.abs(value).view(np.uint32).astype(np.uint64)
        key = (owner.astype(np.uint64) << np.uint64(32)) | (np.uint64(0xFFFFFFFF) - strength)
        order = np.argsort(key, kind="stable")
        owner = owner[order]
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        rank = np.arange(len(owner)) - np.repeat(first, np.diff(first, append=len(owner)))
        best = rank < self._k
        owner, rank, order = owner[best], rank[best], order[best]
        for into, column in zip(self._columns(), (partner, value, z), strict=True):
            into[owner, rank] = column[order]
        full = rank == self._k - 1
        self._least[owner[full]] = np.abs(value[order[full]])

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self._kept.index, self._kept.value, self._kept.z

    def side(self) -> Side:
        """Return what is left."""
        self.compact()
        return self._kept
