"""Adam (Kingma and Ba 2015), fused, on parameters as they lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmfeat.sae.ranks import local


class Adam:
    """torch's fused Adam.

    It copies what does not lie row by row in memory before it works on it; a transposed
    parameter is given to it the other way round instead, and of a DTensor this rank's part.

    Parameters
    ----------
    parameters : sequence of Parameter
        What it trains.
    betas : tuple of float
        Decay of the two moments.
    """

    def __init__(self, parameters: Sequence[Tensor], betas: tuple[float, float]) -> None:
        self._parameters = list(parameters)
        own = [local(p.detach()) for p in self._parameters]
        self._turned = [p.ndim == 2 and not p.is_contiguous() for p in own]
        self._leaves = [p.T if turned else p for p, turned in zip(own, self._turned, strict=True)]
        self._adam = torch.optim.Adam(self._leaves, betas=betas, fused=True)

    def forget_gradients(self) -> None:
        """Begin a step without gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, lr: float, divisor: Tensor | None = None) -> None:
        """Take a step.

        Parameters
        ----------
        lr : float
            Learning rate.
        divisor : scalar tensor, optional
            What gradients are divided by on the way, without a pass of its own.
        """
        for parameter, leaf, turned in zip(
            self._parameters, self._leaves, self._turned, strict=True
        ):
            if parameter.grad is not None:
                gradient = local(parameter.grad)
                leaf.grad = gradient.T if turned else gradient
        for group in self._adam.param_groups:
            group["lr"] = lr
        # As a gradient scaler does it.
        scale = None if divisor is None else divisor.float()
        self._adam.grad_scale = scale  # type: ignore[attr-defined]
        self._adam.step()
        for leaf in self._leaves:
            leaf.grad = None

    def moments(self, parameter: Tensor) -> list[Tensor]:
        """Return the moments of a parameter, entry for entry; none before the first step.

        Of a DTensor, those of this rank's part.
        """
        for own, leaf, turned in zip(self._parameters, self._leaves, self._turned, strict=True):
            if own is parameter:
                known = [t for t in self._adam.state.get(leaf, {}).values() if t.ndim == leaf.ndim]
                return [t.T if turned else t for t in known if t.shape == leaf.shape]
        return []

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint must hold."""
        return self._adam.state_dict()

    def load(self, state: dict[str, Any]) -> None:
        """Take back the state of a checkpoint."""
        self._adam.load_state_dict(state)
