"""Exact tests and bounds on counts, with no sampling anywhere."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

NORMAL_95 = 1.959963984540054  # standard deviations to either side that hold 95 %
# Probability that a stratum's count may leave its window on one side, see `stratified_p`.
_LEFT_OUT = 1e-40
# Most cells of one block of distributions in `stratified_p`: it should stay in the cache.
_BLOCK_CELLS = 100_000


def hypergeometric_p(
    overlap: Int[np.ndarray, "*shape"],
    population: Int[np.ndarray, "*shape"],
    first: Int[np.ndarray, "*shape"],
    second: Int[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape"]:
    """Return how probable an overlap at least this large is under random pairing.

    Two sets of units are paired at random: the overlap is hypergeometric, and the
    one-sided p is exact (Fisher's exact test, 'greater'). Arguments broadcast.

    Parameters
    ----------
    overlap
        Units in both sets.
    population
        All units.
    first, second
        Units in each set.

    Returns
    -------
    Float[np.ndarray, "*shape"]
        P(overlap >= observed); 1 where the overlap is 0.
    """
    from scipy.stats import hypergeom

    counts = np.broadcast_arrays(
        overlap, population, np.minimum(first, second), np.maximum(first, second)
    )
    p = np.ones(counts[0].shape)
    found = counts[0] > 0
    # A dictionary has far more features than there are different counts.
    both, total, fewer, more = (count[found] for count in counts)
    key = np.zeros(len(both), np.int64)
    for count in (both, total, fewer, more):
        # A number for each combination so far, so that the next one fits as well.
        _, known = np.unique(key, return_inverse=True)
        key = known * (int(count.max(initial=0)) + 1) + count
    _, first_of, back = np.unique(key, return_index=True, return_inverse=True)
    both, total, fewer, more = (count[first_of] for count in (both, total, fewer, more))
    p[found] = hypergeom.sf(both - 1, total, more, fewer)[back]
    return p


def stratified_p(
    overlap: Int[np.ndarray, " tests"],
    population: Int[np.ndarray, " strata"],
    first: Int[np.ndarray, "tests strata"],
    second: Int[np.ndarray, "tests strata"],
) -> Float[np.ndarray, " tests"]:
    """Return the p of an overlap when units are paired at random within strata only.

    The null of the total overlap is the convolution of one hypergeometric a stratum,
    all terms of which are positive, so p keeps its relative precision in the tail.
    Where a stratum's count could take hundreds of values only a window of them is
    kept: by Bernstein's inequality, which holds for draws without replacement
    (Hoeffding 1963, theorem 4), each side leaves out less than 1e-40, and that much is
    added to p, which so is never too small.

    Parameters
    ----------
    overlap
        Units in both sets, over all strata.
    population
        Units of each stratum, at least 1.
    first, second
        Units in each set, a stratum.

    Returns
    -------
    Float[np.ndarray, " tests"]
        P(overlap >= observed); 1 where the overlap is 0.
    """
    lowest = np.maximum(0, first + second - population)
    highest = np.minimum(first, second)
    mean = first * second / population
    # Drawing the first set or the second gives the same count: take the tighter bound.
    variance = mean * (1 - np.maximum(first, second) / population)
    log = -np.log(_LEFT_OUT)
    reach = log / 3 + np.sqrt(log**2 / 9 + 2 * log * variance)
    start = np.maximum(lowest, np.floor(mean - reach).astype(np.int64))
    stop = np.minimum(highest, np.ceil(mean + reach).astype(np.int64))
    sides = (start > lowest).sum(axis=1) + (stop < highest).sum(axis=1)

    span = stop - start
    width = span.sum(axis=1)
    beyond = overlap - start.sum(axis=1)
    p = np.where(beyond <= 0, 1.0, 0.0)
    open_ = np.flatnonzero((beyond > 0) & (beyond <= width))
    open_ = open_[np.argsort(width[open_], kind="stable")]
    while open_.size:
        # Tests of similar width go together; a block is as wide as its last.
        fit = np.arange(1, open_.size + 1) * (width[open_] + 1) <= _BLOCK_CELLS
        block, open_ = np.split(open_, [max(1, int(fit.sum()))])
        total = _convolved(population, first[block], second[block], start[block], span[block])
        tail = np.arange(total.shape[1]) >= beyond[block, None]
        p[block] = np.where(tail, total, 0.0).sum(axis=1)
    bounded: Float[np.ndarray, " tests"] = np.minimum(1.0, p + sides * _LEFT_OUT)
    return bounded


def _convolved(
    population: Int[np.ndarray, " strata"],
    first: Int[np.ndarray, "tests strata"],
    second: Int[np.ndarray, "tests strata"],
    start: Int[np.ndarray, "tests strata"],
    span: Int[np.ndarray, "tests strata"],
) -> Float[np.ndarray, "tests values"]:
    """Return the distribution of the sum over strata, less the sum of `start`."""
    total = np.zeros((len(start), int(span.sum(axis=1).max()) + 1))
    total[:, 0] = 1.0
    filled = np.zeros(len(start), dtype=np.int64)
    for stratum in range(len(population)):
        # Where only one value is possible there is nothing to convolve with.
        rows = np.flatnonzero(span[:, stratum] > 0)
        if not rows.size:
            continue
        pmf = _window(
            int(population[stratum]),
            first[rows, stratum],
            second[rows, stratum],
            start[rows, stratum],
            span[rows, stratum],
        )
        reached = int(filled[rows].max()) + 1
        before = total[rows, :reached]
        after = np.zeros((rows.size, min(total.shape[1], reached + pmf.shape[1] - 1)))
        for shift in range(pmf.shape[1]):
            # What falls off the end is 0: no row's sum exceeds its own spans.
            kept = min(reached, after.shape[1] - shift)
            after[:, shift : shift + kept] += before[:, :kept] * pmf[:, shift, None]
        total[rows, : after.shape[1]] = after
        filled[rows] += span[rows, stratum]
    return total


def _window(
    population: int,
    first: Int[np.ndarray, " tests"],
    second: Int[np.ndarray, " tests"],
    start: Int[np.ndarray, " tests"],
    span: Int[np.ndarray, " tests"],
) -> Float[np.ndarray, "tests values"]:
    """Return hypergeometric probabilities of start, ..., start + span, which sum to 1."""
    step = np.arange(int(span.max()))
    inside = step < span[:, None]
    value = start[:, None] + step
    more = np.where(inside, (first[:, None] - value) * (second[:, None] - value), 1)
    fewer = np.where(
        inside, (value + 1) * (population - first[:, None] - second[:, None] + value + 1), 1
    )
    # The logarithms of the ratios of neighbours are exact where differences of
    # log-factorials of a large population are not.
    ratio = np.where(inside, np.log(more) - np.log(fewer), -np.inf)
    log = np.concatenate([np.zeros((len(span), 1)), np.cumsum(ratio, axis=1)], axis=1)
    pmf = np.exp(log - log.max(axis=1, keepdims=True))
    scaled: Float[np.ndarray, "tests values"] = pmf / pmf.sum(axis=1, keepdims=True)
    return scaled


def partial_conjunction(p: Float[np.ndarray, "*shape n"], r: int) -> Float[np.ndarray, "*shape"]:
    """Return the p of 'at least r of the n alternatives are true'.

    Benjamini and Heller (2008), 'Screening for partial conjunction hypotheses', in
    Bonferroni's form: min(1, (n - r + 1) * p_(r)) with p_(r) the r-th smallest. Valid
    whatever the dependence between the n tests.

    Raises
    ------
    ValueError
        If r is not between 1 and n.
    """
    n = p.shape[-1]
    if not 1 <= r <= n:
        raise ValueError(f"r is {r}, it must be between 1 and {n}")
    smallest = np.partition(p, r - 1, axis=-1)[..., r - 1]
    conjunction: Float[np.ndarray, "*shape"] = np.minimum(1.0, (n - r + 1) * smallest)
    return conjunction


def benjamini_hochberg(p: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Return q-values: the smallest false discovery rate at which each is discovered.

    Benjamini and Hochberg (1995). NaN means not tested: it does not count and stays NaN.
    """
    q = np.full(p.shape, np.nan)
    tested: Bool[np.ndarray, " tests"] = ~np.isnan(p)
    order = np.flatnonzero(tested)[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    q[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q


def lower_bound(
    successes: Int[np.ndarray, "*shape"], trials: Int[np.ndarray, "*shape"], level: float = 0.95
) -> Float[np.ndarray, "*shape"]:
    """Return the exact one-sided lower confidence bound of a proportion.

    Clopper and Pearson (1934): the proportion at which so many successes or more have
    probability 1 - level. It holds its level for every count and proportion; Wilson's
    interval, which is shorter, falls below its level for small proportions, and a
    feature often fires on just five units.

    Returns
    -------
    Float[np.ndarray, "*shape"]
        The bound; 0 where there are no successes (so too where there are no trials).
    """
    from scipy.special import betaincinv

    successes, trials = np.broadcast_arrays(successes, trials)
    bound = np.zeros(successes.shape)
    some = successes > 0
    # The beta quantile: P(Binomial(trials, x) >= successes) = I_x(successes, failures + 1).
    bound[some] = betaincinv(successes[some], trials[some] - successes[some] + 1, 1 - level)
    return bound
