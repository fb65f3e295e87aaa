r"""Change the activations of a few features in rows, and keep all else of the rows.

With :math:`\hat x` the reconstruction and :math:`z` the code of a row, the row becomes the
reconstruction of the changed code plus what the SAE did not explain (Templeton et al. 2024,
"Scaling Monosemanticity"):

.. math:: x' = \hat x(z') + (x - \hat x(z)) = x + (z' - z) W_{dec} / s

with :math:`s` the scale by which rows of the stream are standardised.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from mmfeat.sae.base import SAE
    from mmfeat.sae.interop import TrainedSAE

MOST = 100.0  # multiples of a maximum beyond which models break (Templeton et al. 2024)

Kind = Literal["ablate", "clamp", "add", "scale", "noop"]
_VALUED = ("clamp", "add", "scale")


@dataclass(frozen=True)
class Change:
    """What happens to the activations of some features.

    Attributes
    ----------
    kind : str
        ``ablate`` sets them to 0, ``clamp`` to a value, ``add`` adds one, ``scale`` multiplies
        by one, ``noop`` leaves them.
    features : tuple of int
        Which, each once.
    values : tuple of float
        One a feature for ``clamp``, ``add`` and ``scale``; else empty.

    Raises
    ------
    MmfeatError
        If values and features do not fit together.
    """

    kind: Kind
    features: tuple[int, ...]
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is one finite value a feature, where there are any."""
        wanted = len(self.features) if self.kind in _VALUED else 0
        if len(self.values) != wanted:
            raise MmfeatError(
                f"To {self.kind} {len(self.features)} features takes {wanted} values, not "
                f"{len(self.values)}; give one a feature."
            )
        if len(set(self.features)) != len(self.features):
            raise MmfeatError("A feature is to be changed twice; name each once.")
        if not all(math.isfinite(value) for value in self.values):
            raise MmfeatError("An activation must be a number; give a finite one.")

    def apply(self, z: Float[Tensor, "rows m"]) -> Float[Tensor, "rows m"]:
        """Return the changed activations of its features."""
        if self.kind == "noop":
            return z
        if self.kind == "ablate":
            return torch.zeros_like(z)
        values = torch.tensor(self.values, dtype=z.dtype, device=z.device)
        if self.kind == "clamp":
            return values.expand_as(z)
        return z + values if self.kind == "add" else z * values


def clamp(features: Sequence[int], multiple: float, maximum: Float[np.ndarray, "d_sae"]) -> Change:
    """Return the change that sets features to a multiple of their maxima.

    Parameters
    ----------
    features : sequence of int
        Which.
    multiple : float
        At most 100 either way; usual are -10 to 10.
    maximum : float [d_sae]
        Largest activation of each feature in rows of the modality that is changed.

    Raises
    ------
    MmfeatError
        If the multiple is larger, or a feature never fires and so has no maximum.
    """
    if not abs(multiple) <= MOST:
        raise MmfeatError(
            f"A feature cannot be clamped to {multiple:g} times its maximum; give a multiple "
            f"from -{MOST:g} to {MOST:g}."
        )
    own = np.asarray(maximum, np.float64)[list(features)]
    for feature, value in zip(features, own.tolist(), strict=True):
        if not value > 0:
            raise MmfeatError(
                f"Feature {feature} never fires on rows of this modality, so it has no maximum "
                "to be clamped to a multiple of; add to its activation instead."
            )
    return Change("clamp", tuple(features), tuple((multiple * own).tolist()))


def swap(features: Sequence[int], activations: Float[np.ndarray, "d_sae"]) -> Change:
    """Return the change that gives features the activations they have in another row's code."""
    own = np.asarray(activations, np.float64)[list(features)]
    return Change("clamp", tuple(features), tuple(own.tolist()))


class FeatureEdit:
    """Changes features in rows of a stream; what `Backbone.run` takes as an edit.

    Rows are encoded each from itself alone. The SAE of the stream's modality encodes them, and
    its decoder rows are added.

    Parameters
    ----------
    trained : TrainedSAE
        The SAE.
    stream : str
        Which stream the rows are of.
    group : int [rows] or int
        The mean and scale each row has: its language, 0 for pictures.
    change : Change
        What happens.
    rows : bool [rows], optional
        Which rows are changed, such as some patches; default: all.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream, or has no such feature or language.
    """

    def __init__(
        self,
        trained: TrainedSAE,
        stream: str,
        group: Int[np.ndarray, "rows"] | int,
        change: Change,
        rows: Bool[np.ndarray, "rows"] | None = None,
    ) -> None:
        if stream not in trained.streams:
            raise MmfeatError(
                f"The SAE has no mean and scale of {stream}; it has "
                f"{', '.join(trained.streams) or 'none'}: change one of these."
            )
        wrong = [f for f in change.features if not 0 <= f < trained.d_sae]
        if wrong:
            raise MmfeatError(
                f"The SAE has no feature {wrong[0]}; give one from 0 to {trained.d_sae - 1}."
            )
        stats = trained.streams[stream]
        self.group = np.asarray(group, np.int64)
        if self.group.size and not 0 <= self.group.min() <= self.group.max() < len(stats.scale):
            raise MmfeatError(
                f"The SAE has {len(stats.scale)} means of {stream}, and a row is of another "
                "language; give one of the SAE's."
            )
        self.trained, self.stream, self.change, self.rows = trained, stream, change, rows
        self._there: tuple[torch.device, SAE, Tensor, Tensor] | None = None

    def __call__(self, x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows d"]:
        """Return the changed rows, of the same type and on the same device.

        Raises
        ------
        MmfeatError
            If there are not as many rows as groups or choices were given for.
        """
        chosen, group = self._chosen(x)
        sae, _, scale = self._on(x.device)
        z = self._encoded(chosen, group)
        moved = (self.change.apply(z) - z) @ sae.W_dec[self._features(x)] / scale[group, None]
        new = (chosen.float() + moved).to(x.dtype)
        if self.rows is None:
            return new
        index = torch.from_numpy(np.flatnonzero(self.rows)).to(x.device)
        return x.index_copy(0, index, new)

    def activations(self, x: Float[Tensor, "rows d"]) -> Float[Tensor, "chosen m"]:
        """Return the activations of the features, as they are, in the rows that are changed."""
        return self._encoded(*self._chosen(x))

    def _chosen(self, x: Float[Tensor, "rows d"]) -> tuple[Tensor, Tensor]:
        """Return the rows that are changed, and the group of each."""
        for known in (self.group if self.group.ndim else None, self.rows):
            if known is not None and len(known) != len(x):
                raise MmfeatError(
                    f"An edit was made for {len(known)} rows of {self.stream} and is given "
                    f"{len(x)}; make one for these."
                )
        group = torch.from_numpy(np.broadcast_to(self.group, len(x)).copy()).to(x.device)
        if self.rows is None:
            return x, group
        rows = torch.from_numpy(np.flatnonzero(self.rows)).to(x.device)
        return x[rows], group[rows]

    def _features(self, x: Tensor) -> Int[Tensor, "m"]:
        return torch.tensor(self.change.features, dtype=torch.int64, device=x.device)

    def _encoded(
        self, x: Float[Tensor, "rows d"], group: Int[Tensor, "rows"]
    ) -> Float[Tensor, "rows m"]:
        """Return the activations of the features, each row encoded from itself alone."""
        sae, mean, scale = self._on(x.device)
        values, latents = sae.encode((x.float() - mean[group]) * scale[group, None])
        features = self._features(x)
        # Where each latent is among the features; the last column takes all others.
        column = torch.full((sae.d_sae,), len(features), device=x.device)
        column[features] = torch.arange(len(features), device=x.device)
        z = values.new_zeros(len(x), len(features) + 1)
        return z.scatter_add(1, column[latents], values)[:, :-1]

    def _on(self, device: torch.device) -> tuple[SAE, Tensor, Tensor]:
        """Return SAE, means and scales on a device; copied once, where it is another."""
        if self._there is None or self._there[0] != device:
            stats, sae = self.trained.streams[self.stream], self.trained.sae_of(self.stream)
            # Tensors made in inference mode could never be used where gradients are taken.
            with torch.inference_mode(False):
                own = sae if sae.W_dec.device == device else copy.deepcopy(sae).to(device)
                mean, scale = torch.tensor(stats.mean), torch.tensor(stats.scale)
                self._there = (device, own, mean.to(device), scale.to(device))
        return self._there[1:]
