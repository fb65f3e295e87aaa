"""Scaling laws of a sweep: how loss, size, steps and learning rate go with training compute."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmfeat.analysis.sweep_runs import Run, read_runs
from mmfeat.errors import MmfeatError

LEVELS, COMBINATIONS = 3, 9  # sizes, and numbers of steps; both together: fewer are not fitted
_DRAWS = 1000


@dataclass(frozen=True)
class Exponent:
    """An exponent of compute, and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Surface:
    """Loss of a size N and a number of steps S: E + A N^-alpha + B S^-beta.

    Attributes
    ----------
    parameters : float64 [5]
        log A, log B, alpha, beta, log E, of N and S in units of `centre`.
    centre : float64 [2]
        Geometric means of N and S.
    unit : float
        Compute of one step of one latent.
    """

    parameters: Float[np.ndarray, "5"]
    centre: Float[np.ndarray, "2"]
    unit: float

    @property
    def floor(self) -> float:
        """The loss E that remains at any size and steps; 0 where none is seen."""
        return float(np.exp(self.parameters[4]))

    def frontier(
        self, compute: Float[np.ndarray, "c"]
    ) -> tuple[Float[np.ndarray, "c"], Float[np.ndarray, "c"], Float[np.ndarray, "c"]]:
        """Return least loss, and the size and steps that have it, for a compute.

        From dL/dN = 0 at constant N S (Hoffmann et al. 2022, equation 4).
        """
        a, b, alpha, beta, _ = self.parameters
        total = np.log(compute / self.unit / self.centre.prod())
        n = (np.log(alpha / beta) + a - b + beta * total) / (alpha + beta)
        s = total - n
        log_loss, _ = _log_loss(self.parameters[None], n, s)
        return np.exp(log_loss[0]), np.exp(n) * self.centre[0], np.exp(s) * self.centre[1]


@dataclass(frozen=True)
class Scaling:
    """What a sweep says; exponents and `surface` are None where they could not be fitted.

    Attributes
    ----------
    runs : list of Run
        The finished ones.
    best : list of Run
        By size and steps: the mean over seeds at the learning rate of least loss.
    unfinished : int
        Runs without scores.
    loss, features, steps, lr : Exponent or None
        Of L* (less its floor, where it has one) ~ C^-loss, N* ~ C^features,
        S* ~ C^steps, lr* ~ C^lr.
    notes : list of str
        What a reader must know of them.
    """

    runs: list[Run]
    best: list[Run]
    unfinished: int
    loss: Exponent | None
    features: Exponent | None
    steps: Exponent | None
    lr: Exponent | None
    surface: Surface | None
    notes: list[str]

    @property
    def multi_epoch(self) -> bool:
        """Whether a run saw its train rows more than once."""
        return any(run.epochs > 1 for run in self.runs)


def scaling(folder: Path) -> Scaling:
    """Fit the scaling laws of the finished runs of a sweep, see `fit`.

    Raises
    ------
    MmfeatError
        If the folder is no sweep, holds damaged files, compares what cannot be compared, or
        has too few runs.
    """
    runs, unfinished = read_runs(folder)
    try:
        return fit(runs, unfinished)
    except MmfeatError as error:
        raise MmfeatError(f"{folder}: {error}") from None


def fit(runs: Sequence[Run], unfinished: int = 0) -> Scaling:
    """Fit scaling laws to runs (Templeton et al. 2024, "Scaling laws").

    The compute-optimal frontier is that of L(N, S) = E + A N^-alpha + B S^-beta, fitted to
    the logs of all best losses (Hoffmann et al. 2022, approach 3), and not the lower envelope
    of runs: of a few dozen runs, the envelope takes its size and steps from the grid, and its
    exponents towards 1/2. Then L* - E ~ C^-(alpha beta / (alpha + beta)),
    N* ~ C^(beta / (alpha + beta)) and S* ~ C^(alpha / (alpha + beta)). The drawn surface and
    the values are those of the fit with or without the floor E, whichever has the smaller
    BIC. Intervals are a parametric bootstrap of the fits, in shares of their BIC weights:
    resampling a few runs would lose whole sizes. Noise is what the fit leaves, so that it
    holds the spread of seeds as well as what the form misses.

    Raises
    ------
    MmfeatError
        If there are fewer than `LEVELS` sizes, `LEVELS` numbers of steps or `COMBINATIONS`
        of both.
    """
    groups = _by_rate(runs)
    cells: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in groups:
        cells[run.d_sae, run.steps].append(run)
    best = [min(cell, key=lambda run: run.loss) for _, cell in sorted(cells.items())]
    sizes, steps = ({getattr(run, key) for run in best} for key in ("d_sae", "steps"))
    if min(len(sizes), len(steps)) < LEVELS or len(best) < COMBINATIONS:
        left = f" ({unfinished} more are unfinished)" if unfinished else ""
        raise MmfeatError(
            f"{len(runs)} runs are finished{left}, of {len(sizes)} sizes and {len(steps)} numbers "
            f"of steps in {len(best)} combinations; a scaling law needs "
            f"{LEVELS} sae.d_sae, {LEVELS} optimiser.steps and {COMBINATIONS} combinations of "
            "them: finish the sweep, or make its grid larger."
        )
    notes = []
    if unfinished:
        notes.append(f"{unfinished} of {unfinished + len(runs)} runs are unfinished and left out.")
    many = sum(run.epochs > 1 for run in runs)
    if many:
        most = max(run.epochs for run in runs)
        notes.append(
            f"{many} of {len(runs)} runs are multi-epoch (up to {most:.3g} epochs): exponents "
            "of rows seen again are not those of new rows."
        )
    rng = np.random.default_rng(0)
    n, s = (np.log([getattr(run, key) for run in best]) for key in ("d_sae", "steps"))
    centre = np.array([n.mean(), s.mean()])
    y = np.log([run.loss for run in best])
    parameters, draws = _fit(n - centre[0], s - centre[1], y, rng)
    if parameters[2] <= 0 or parameters[3] <= 0:
        falls = dict(zip(("features", "steps"), parameters[2:4] > 0, strict=True))
        what = " or ".join(key for key, does in falls.items() if not does)
        notes.append(
            f"The loss does not fall with more {what}, so that there is no compute-optimal "
            f"frontier: sweep fewer {what}, or extract more items."
        )
        return Scaling(list(runs), best, unfinished, None, None, None, None, None, notes)
    surface = Surface(parameters, np.exp(centre), best[0].compute / best[0].d_sae / best[0].steps)
    value, spread = _exponents(parameters[None])[0], _exponents(draws)
    loss, features, step_share = (_interval(value[i], spread[:, i]) for i in range(3))
    lr = None
    if len({run.lr for run in groups}) > 1:
        lr = _rate_exponent(list(cells.values()), value, spread, rng)
        if lr is None:
            notes.append(
                "The best learning rate is not found: it needs 3 learning rates around the best, "
                "in most combinations of size and steps."
            )
    if not inside(surface, best).any():
        notes.append(
            "At no compute do the optimal size and steps both lie within the sweep; the frontier "
            "is extrapolated: sweep other sizes or steps."
        )
    return Scaling(list(runs), best, unfinished, loss, features, step_share, lr, surface, notes)


def ladder(best: Sequence[Run], rungs: int = 200) -> Float[np.ndarray, "rungs"]:
    """Return compute budgets from that of the cheapest to that of the dearest run."""
    compute = [run.compute for run in best]
    return np.geomspace(min(compute), max(compute), rungs)


def inside(surface: Surface, best: Sequence[Run]) -> np.ndarray:
    """Return for which of `ladder` the optimal size and steps are within those of the runs."""
    _, size, steps = surface.frontier(ladder(best))
    found = np.ones(len(size), bool)
    for optimal, key in ((size, "d_sae"), (steps, "steps")):
        swept = [getattr(run, key) for run in best]
        found &= (optimal >= min(swept)) & (optimal <= max(swept))
    return found


def _by_rate(runs: Sequence[Run]) -> list[Run]:
    """Return means over seeds, by size, steps and learning rate."""
    groups: dict[tuple[int, int, float], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.d_sae, run.steps, run.lr].append(run)
    found = []
    for group in groups.values():
        first = group[0].__dict__
        means = {
            key: math.fsum(getattr(run, key) for run in group) / len(group)
            for key in ("loss", "l0", "dead", "epochs")
        }
        fvu = {key: math.fsum(run.fvu[key] for run in group) / len(group) for key in group[0].fvu}
        found.append(Run(**{**first, **means, "fvu": fvu}))
    return found


def _log_loss(
    p: Float[np.ndarray, "fits 5"], n: Float[np.ndarray, "runs"], s: Float[np.ndarray, "runs"]
) -> tuple[Float[np.ndarray, "fits runs"], Float[np.ndarray, "fits runs 5"]]:
    """Return log L of many surfaces, and its slopes; log E of -inf leaves the floor out."""
    a = np.exp(p[:, 0:1] - p[:, 2:3] * n)
    b = np.exp(p[:, 1:2] - p[:, 3:4] * s)
    e = np.exp(p[:, 4:5]) + 0 * n
    total = a + b + e
    slopes = np.stack([a, b, -n * a, -s * b, e], axis=-1) / total[..., None]
    return np.log(total), slopes


def _least_squares(
    p: Float[np.ndarray, "fits 5"],
    n: Float[np.ndarray, "runs"],
    s: Float[np.ndarray, "runs"],
    y: Float[np.ndarray, "fits runs"],
) -> tuple[Float[np.ndarray, "fits 5"], Float[np.ndarray, "fits"]]:
    """Fit many surfaces at once (Levenberg-Marquardt); return parameters and squared errors."""
    p, damping = p.copy(), np.full(len(p), 1e-2)
    guess, slopes = _log_loss(p, n, s)
    error = y - guess
    cost = np.square(error).sum(1)
    for _ in range(60):  # enough for any start; warm ones need ten
        bend = slopes.mT @ slopes
        diagonal = np.einsum("fii->fi", bend) + 1e-9
        bend += (damping[:, None] * diagonal)[:, :, None] * np.eye(5)
        step = np.linalg.solve(bend, slopes.mT @ error[..., None])[..., 0]
        trial = p + step.clip(-2, 2)
        with np.errstate(over="ignore", invalid="ignore"):  # such a trial is no better
            guess, trial_slopes = _log_loss(trial, n, s)
        trial_error = y - guess
        trial_cost = np.square(trial_error).sum(1)
        better = trial_cost < cost
        settled = (cost - trial_cost < 1e-6 * cost) & (better | (damping > 1e4))
        p[better], slopes[better] = trial[better], trial_slopes[better]
        error[better], cost[better] = trial_error[better], trial_cost[better]
        damping = np.where(better, damping / 5, damping * 4).clip(1e-9, 1e9)
        if settled.all():
            break
    return p, cost


def _fit(
    n: Float[np.ndarray, "runs"],
    s: Float[np.ndarray, "runs"],
    y: Float[np.ndarray, "runs"],
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, "5"], Float[np.ndarray, "draws 5"]]:
    """Return the parameters of the better fit, and draws of both by their weights."""
    low, rows = float(y.min()), len(y)
    fits = []
    for floors, count in (((0.0,), 4), ((0.2, 0.5, 0.8), 5)):
        with np.errstate(divide="ignore"):
            starts = np.array(
                [
                    [*[low + np.log((1 - floor) / 2)] * 2, alpha, beta, low + np.log(floor)]
                    for floor in floors
                    for alpha in (0.05, 0.2, 0.8)
                    for beta in (0.05, 0.2, 0.8)
                ]
            )
        found, costs = _least_squares(starts, n, s, np.tile(y, (len(starts), 1)))
        fits.append((found[costs.argmin()], max(float(costs.min()), 1e-24 * rows), count))
    bic = np.array([rows * np.log(cost / rows) + count * np.log(rows) for _, cost, count in fits])
    weight = np.exp((bic.min() - bic) / 2)
    draws = []
    for (parameters, cost, count), share in zip(fits, weight / weight.sum(), strict=True):
        size = round(_DRAWS * share)
        free = rows - count
        # The noise is not known but from so few residuals: that makes intervals wider.
        noise = np.sqrt(cost / rng.chisquare(free, (size, 1)))
        again = _log_loss(parameters[None], n, s)[0] + noise * rng.standard_normal((size, rows))
        draws.append(_least_squares(np.tile(parameters, (size, 1)), n, s, again)[0])
    return fits[int(bic.argmin())][0], np.concatenate(draws)


def _exponents(p: Float[np.ndarray, "fits 5"]) -> Float[np.ndarray, "fits 3"]:
    """Return exponents of loss, size and steps; a term that does not fall counts as flat."""
    alpha, beta = p[:, 2].clip(1e-9), p[:, 3].clip(1e-9)
    return np.asarray(np.stack([alpha * beta, beta, alpha], axis=1) / (alpha + beta)[:, None])


def _interval(value: float, draws: Float[np.ndarray, "draws"]) -> Exponent:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Exponent(float(value), float(low), float(high))


def _rate_exponent(
    cells: Sequence[Sequence[Run]],
    value: Float[np.ndarray, "3"],
    spread: Float[np.ndarray, "draws 3"],
    rng: np.random.Generator,
) -> Exponent | None:
    """Return the exponent of the best learning rate along the frontier.

    In each combination of size and steps, log L is a parabola of log lr with one curvature for
    all; its lowest point is linear in log N and log S, which along the frontier are linear
    in log C.
    """
    used = [cell for cell in cells if len(cell) > 1]
    runs = [(run, at) for at, cell in enumerate(used) for run in cell]
    free = len(runs) - len(used) - 4
    if free < 2 or len({run.lr for run, _ in runs}) < LEVELS:
        return None
    rate, n, s = (
        np.log([getattr(run, key) for run, _ in runs]) for key in ("lr", "d_sae", "steps")
    )
    rate, n, s = rate - rate.mean(), n - n.mean(), s - s.mean()
    own = np.eye(len(used))[[at for _, at in runs]]
    design = np.column_stack([rate**2, rate, rate * n, rate * s, own])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    y = np.log([run.loss for run, _ in runs])
    found = np.linalg.lstsq(design, y)[0]
    cost = np.square(y - design @ found).sum()
    root = np.linalg.cholesky(np.linalg.inv(design.T @ design))[:4, :4]
    noise = np.sqrt(cost / rng.chisquare(free, (len(spread), 1)))
    draws = found[:4] + noise * (rng.standard_normal((len(spread), 4)) @ root.T)
    if found[0] <= 0 or np.mean(draws[:, 0] <= 0) > 0.025:
        return None  # the learning rates do not enclose a best one

    def along(p: np.ndarray, exponents: np.ndarray) -> np.ndarray:
        slope = p[:, 2] * exponents[:, 1] + p[:, 3] * exponents[:, 2]
        return np.asarray(-slope / (2 * p[:, 0]))

    kept = draws[:, 0] > 0
    return _interval(along(found[None, :4], value[None])[0], along(draws, spread)[kept])
