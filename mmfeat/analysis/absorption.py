r"""Absorption and splitting of image concepts (Chanin et al. 2024; SAEBench, Karvonen et al. 2025).

For a label c, a value of an item attribute, on train rows:

- the main features M are taken greedily so that "any of them fires" has the greatest F1;
  they are as many as `splitting`, the k at which one more raises F1 by less than `RISE`;
- the probe p is the unit difference of the means of rows with and without the label.

A feature j contributes :math:`g_j = z_j \, d_j \cdot p` to a row, d_j its decoder row, and the
main features carry :math:`m = E[\sum_{j \in M} g_j]` over train rows with the label on which
one of them fires. A row is *recognised* where :math:`\sum_j g_j \ge \theta`, half way between
the means of train rows with and without the label. A test row with the label is *absorbed* if
it is recognised, every main feature is silent, and

.. math:: \max_{j \notin M,\ \cos(d_j, p) \ge \text{COSINE}} g_j \ge \text{SHARE} \cdot m :

another feature that points along the probe does their work. The same on test rows of the
attribute's next value, without the label, is the `control`.

Adapted from first letters of tokens: the probe is in closed form instead of trained, and what
explains a row is a projection instead of an ablation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis.completeness import Labels, best_entry, contingency
from mmfeat.analysis.retrieval import unit_rows
from mmfeat.store.activations import Stream

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

RISE = 0.03
COSINE = 0.1
SHARE = 0.5
MOST = 8  # main features
MIN_TRAIN, MIN_TEST = 20, 5  # rows with the label
# Most cells of [d_sae, labels] and most codes of rows held at a time.
_CELLS = 1 << 24


@dataclass(frozen=True)
class Absorption:
    """Scores of each label; NaN where it has too few rows, or none that count.

    Attributes
    ----------
    main : int32 [labels, MOST]
        Main features, -1 beyond `splitting`.
    f1 : float64 [labels, MOST]
        F1 of the first 1, 2, ... of them on train rows, and of one more than needed.
    splitting : int [labels]
        Features needed; 0 where the label is not scored.
    positives, missed, absorbed : int64 [labels]
        Test rows with the label; those on which the main features are silent; those of them
        that are absorbed.
    share : float64 [labels]
        absorbed / positives.
    control : float64 [labels]
        The same share on test rows of the next value of the attribute.
    absorber : int32 [labels]
        The feature that carries most of the absorbed rows, or -1.
    """

    main: Int[np.ndarray, "labels most"]
    f1: Float[np.ndarray, "labels most"]
    splitting: Int[np.ndarray, "labels"]
    positives: Int[np.ndarray, "labels"]
    missed: Int[np.ndarray, "labels"]
    absorbed: Int[np.ndarray, "labels"]
    share: Float[np.ndarray, "labels"]
    control: Float[np.ndarray, "labels"]
    absorber: Int[np.ndarray, "labels"]


def absorption(
    codes: Codes,
    member: sp.csr_array,
    attribute: tuple[str, ...],
    train: Bool[np.ndarray, "rows"],
    probe: Float[np.ndarray, "labels d"],
    decoder: Float[np.ndarray, "d_sae d"],
) -> Absorption:
    """Find the main features of each label on train rows, and what absorbs it on the others.

    Parameters
    ----------
    codes : Codes
        Of all rows.
    member : integers 0 and 1 [rows, labels]
        Which rows have which label.
    attribute : tuple of str [labels]
        Labels of one attribute are neighbours: the next one is the control.
    train : bool [rows]
        Rows that choose; the others are scored.
    probe : float [labels, d]
        Unit direction of each label, see `probes`.
    decoder : float [d_sae, d]
        Decoder rows.
    """
    labels = member.shape[1]
    fit, rest = np.flatnonzero(train), np.flatnonzero(~train)
    in_fit, in_rest = sp.csr_array(member[fit]), sp.csr_array(member[rest])
    positives = np.bincount(in_rest.indices, minlength=labels)
    enough = (np.bincount(in_fit.indices, minlength=labels) >= MIN_TRAIN) & (positives >= MIN_TEST)
    main, f1, splitting, reached = main_features(codes.select(fit), in_fit)
    main[~enough], f1[~enough], splitting[~enough] = -1, np.nan, 0
    following = _next(attribute, enough)
    activation = codes.select(fit).matrix()
    by_label, every = sp.csr_array(in_fit.T), activation.sum(axis=0).astype(np.float32)
    scored, control = _Sums(labels), _Sums(labels)
    # In single precision, for a block is as wide as the SAE.
    probe, decoder = probe.astype(np.float32), decoder.astype(np.float32)
    norm = np.maximum(np.linalg.norm(decoder, axis=1), 1e-12)
    by_rest = sp.csc_array(in_rest)
    width = max(1, _CELLS // codes.d_sae)
    kept = np.flatnonzero(splitting > 0)
    for at in range(0, len(kept), width):
        own = kept[at : at + width]
        along = np.asarray(probe[own] @ decoder.T)  # [own, d_sae]
        is_main = np.zeros(along.shape, bool)
        slot = np.nonzero(main[own] >= 0)
        is_main[slot[0], main[own][slot]] = True
        aligned = (along / norm >= COSINE) & ~is_main
        # Sums over the label's train rows: of all features, of the main ones, and of the others.
        total = sp.csr_array(by_label[own] @ activation).multiply(along).tocsr()
        inside, count = total.sum(axis=1), np.diff(by_label.indptr)[own]
        outside = (along @ every - inside) / np.maximum(len(fit) - count, 1)
        half = (inside / np.maximum(count, 1) + outside) / 2
        carried = total.multiply(is_main).sum(axis=1) / np.maximum(reached[own], 1)
        bar = np.where(reached[own] > 0, SHARE * carried, np.inf)
        block = _Block(codes, along, is_main, aligned, half, bar, own)
        block.add(scored, rest, by_rest, own)
        block.add(control, rest, by_rest, following[own])
    some = splitting > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(some, scored.absorbed / scored.rows, np.nan)
        null = np.where(some, control.absorbed / control.rows, np.nan)
    return Absorption(
        main,
        f1,
        splitting,
        np.where(some, scored.rows, 0),
        scored.missed,
        scored.absorbed,
        share,
        null,
        scored.absorber(),
    )


def probes(
    stream: Stream, labels: Labels, train: Bool[np.ndarray, "items"]
) -> Float[np.ndarray, "labels d"]:
    """Return the unit difference of the means of train rows with and without each label.

    Rows are standardised by their stream and language; zero where one side has no rows.
    """
    count = labels.member.shape[1]
    inside, total = np.zeros((count, stream.d)), np.zeros(stream.d)
    rows_inside, rows = np.zeros(count), 0
    for part, x in stream.chunks():
        item = stream.item[part]
        kept = train[item]
        own = sp.csr_array(labels.member[item[kept]])
        inside += own.T @ x[kept].astype(np.float64)
        total += x[kept].sum(axis=0, dtype=np.float64)
        rows_inside += np.bincount(own.indices, minlength=count)
        rows += int(kept.sum())
    outside = rows - rows_inside
    some = (rows_inside > 0) & (outside > 0)
    mean = inside / np.maximum(rows_inside, 1)[:, None]
    other = (total - inside) / np.maximum(outside, 1)[:, None]
    return unit_rows(np.where(some[:, None], mean - other, 0.0))


def main_features(
    codes: Codes, member: sp.csr_array
) -> tuple[
    Int[np.ndarray, "labels most"],
    Float[np.ndarray, "labels most"],
    Int[np.ndarray, "labels"],
    Int[np.ndarray, "labels"],
]:
    """Return features, F1 of the first k, how many are needed and rows of the label they find.

    Greedy: each feature is the one that raises the F1 of "any of them fires" most, the lower
    of equals. A label without a row that fires needs 0.
    """
    labels = member.shape[1]
    main = np.full((labels, MOST), -1, np.int32)
    f1 = np.full((labels, MOST), np.nan)
    needed, found = np.zeros(labels, np.int64), np.zeros(labels, np.int64)
    fires = sp.csr_array(codes.firing().astype(np.int32))
    by_feature = sp.csr_array(fires.T)
    size = np.diff(by_feature.indptr)
    for part, both in contingency(codes, member):
        inside = sp.csr_array(member[:, part].T, dtype=np.int32)
        count = np.diff(inside.indptr)
        label = np.repeat(np.arange(len(count)), np.diff(both.indptr))
        key = label * np.int64(codes.d_sae) + both.indices
        gain = both.data.astype(np.int64)  # rows with the label, less those found already
        more = size[both.indices].astype(np.int64)  # rows it fires on, less those covered
        true, covered = np.zeros(len(count), np.int64), np.zeros(len(count), np.int64)
        union = sp.csr_array(inside.shape, dtype=np.int32)
        open_ = np.flatnonzero(np.diff(both.indptr) > 0)
        needed[part.start + open_] = 1
        for k in range(MOST):
            score = 2 * (true[label] + gain) / (count[label] + covered[label] + more)
            place = best_entry(both.indptr, score)[open_]
            risen = score[place]
            f1[part.start + open_, k] = risen
            if k:
                grows = risen - f1[part.start + open_, k - 1] >= RISE
                open_, place = open_[grows], place[grows]
                needed[part.start + open_] = k + 1
            if not len(open_):
                break
            feature = both.indices[place]
            main[part.start + open_, k] = feature
            true[open_] += gain[place]
            covered[open_] += more[place]
            take = sp.csr_array((np.ones(len(open_), np.int32), (open_, feature)), both.shape)
            reached = sp.csr_array(take @ by_feature)
            new = sp.csr_array(reached - reached.multiply(union))
            new.eliminate_zeros()
            union = sp.csr_array(union + new)
            _subtract(more, key, sp.csr_array(new @ fires))
            _subtract(gain, key, sp.csr_array(sp.csr_array(new.multiply(inside)) @ fires))
        found[part] = true
    return main, f1, needed, found


def _subtract(
    target: Int[np.ndarray, "nnz"], key: Int[np.ndarray, "nnz"], delta: sp.csr_array
) -> None:
    """Subtract the entries of an array where the keys have them."""
    if not len(key):
        return
    row = np.repeat(np.arange(delta.shape[0]), np.diff(delta.indptr))
    own = row * np.int64(delta.shape[1]) + delta.indices
    at = np.minimum(np.searchsorted(key, own), len(key) - 1)
    same = key[at] == own
    target[at[same]] -= delta.data[same]


def _next(
    attribute: tuple[str, ...], enough: Bool[np.ndarray, "labels"]
) -> Int[np.ndarray, "labels"]:
    """Return the next label of the same attribute, the first after the last; -1 for one alone."""
    found = np.full(len(attribute), -1, np.int64)
    names = np.array(attribute, dtype=object)
    for name in dict.fromkeys(attribute):
        own = np.flatnonzero((names == name) & enough)
        if len(own) > 1:
            found[own] = np.roll(own, -1)
    return found


class _Sums:
    """What is counted over rows, a label."""

    def __init__(self, labels: int) -> None:
        self.rows, self.missed, self.absorbed = (np.zeros(labels, np.int64) for _ in range(3))
        self._by = [np.zeros((0, 2), np.int64)]

    def absorbed_by(self, label: np.ndarray, feature: np.ndarray) -> None:
        """Note which feature carried each absorbed row."""
        self._by.append(np.stack([label, feature], 1))

    def absorber(self) -> Int[np.ndarray, "labels"]:
        """Return the commonest feature of each label, the lower of equals."""
        found = np.full(len(self.rows), -1, np.int32)
        pairs, count = np.unique(np.concatenate(self._by), axis=0, return_counts=True)
        order = np.lexsort((-pairs[:, 1], count))  # the best comes last and stays
        found[pairs[order, 0]] = pairs[order, 1]
        return found


class _Block:
    """Some labels, with every feature's projection on their probes."""

    def __init__(
        self,
        codes: Codes,
        along: Float[np.ndarray, "own d_sae"],
        is_main: Bool[np.ndarray, "own d_sae"],
        aligned: Bool[np.ndarray, "own d_sae"],
        half: Float[np.ndarray, "own"],
        bar: Float[np.ndarray, "own"],
        labels: Int[np.ndarray, "own"],
    ) -> None:
        self.codes, self.along, self.is_main, self.aligned = codes, along, is_main, aligned
        self.half, self.bar, self.labels = half, bar, labels

    def add(
        self,
        sums: _Sums,
        rows: Int[np.ndarray, "rows"],
        by_label: sp.csc_array,
        of: Int[np.ndarray, "own"],
    ) -> None:
        """Add the rows of the labels `of` to the sums of the block's own, theirs left out."""
        local, row = [], []
        for at, (label, other) in enumerate(zip(self.labels, of, strict=True)):
            if other < 0:
                continue
            found = by_label.indices[by_label.indptr[other] : by_label.indptr[other + 1]]
            if other != label:
                mine = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
                found = np.setdiff1d(found, mine)
            local.append(np.full(len(found), at))
            row.append(rows[found])
        if not local:
            return
        which, place = np.concatenate(local), np.concatenate(row)
        size = np.cumsum(np.diff(self.codes.indptr)[place])
        cuts = np.flatnonzero(np.diff(size // _CELLS)) + 1
        for pairs, on in zip(np.split(which, cuts), np.split(place, cuts), strict=True):
            self._part(sums, pairs, on)

    def _part(
        self,
        sums: _Sums,
        at: Int[np.ndarray, "pairs"],
        rows: Int[np.ndarray, "pairs"],
    ) -> None:
        own, label, n = self.codes.select(rows), self.labels[at], len(rows)
        pair, feature = own.row, own.indices
        local = at[pair]
        g = own.data.astype(np.float32) * self.along[local, feature]
        mains = self.is_main[local, feature]
        silent = np.bincount(pair, mains, n) == 0
        recognised = np.bincount(pair, g, n) >= self.half[at]
        aligned = self.aligned[local, feature] & (silent & recognised)[pair]
        indptr = np.searchsorted(pair[aligned], np.arange(n + 1))
        value, by = g[aligned], feature[aligned]
        best = best_entry(indptr, value)
        absorbed = np.flatnonzero(best >= 0)
        absorbed = absorbed[value[best[absorbed]] >= self.bar[at[absorbed]]]
        size = len(sums.rows)
        sums.rows += np.bincount(label, minlength=size)
        sums.missed += np.bincount(label[silent], minlength=size)
        sums.absorbed += np.bincount(label[absorbed], minlength=size)
        sums.absorbed_by(label[absorbed], by[best[absorbed]])
