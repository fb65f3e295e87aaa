r"""JumpReLU sparse autoencoder (Rajamanoharan et al. 2024 b, "Jumping Ahead").

.. math:: f = z \odot H(z - \theta), \quad z = x W_{enc} + b_{enc}, \qquad
          \hat x = f W_{dec} + b_{dec}, \qquad
          \lVert x - \hat x \rVert^2 + \lambda \sum_i H(z_i - \theta_i)

with a positive threshold a latent. The thresholds learn through straight-through estimators,
with the rectangle K of width 1 as kernel and a bandwidth epsilon:

.. math:: \frac{\partial f}{\partial \theta} := -\frac{\theta}{\varepsilon}
          K\!\left(\frac{z - \theta}{\varepsilon}\right), \qquad
          \frac{\partial H(z - \theta)}{\partial \theta} := -\frac{1}{\varepsilon}
          K\!\left(\frac{z - \theta}{\varepsilon}\right)
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmfeat.sae.base import UnitDecoder
from mmfeat.sae.codes import Codes, DenseCodes

LEAST_THRESHOLD = 1e-6


def _kernel(
    pre: Float[Tensor, "rows d_sae"], threshold: Float[Tensor, "d_sae"], bandwidth: float
) -> Float[Tensor, "rows d_sae"]:
    """Return ``K((z - theta) / epsilon) / epsilon``."""
    return ((pre - threshold).abs() < bandwidth / 2).to(pre.dtype) / bandwidth


class _JumpReLU(torch.autograd.Function):
    """``z H(z - theta)``."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return pre * (pre > threshold)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        pre, threshold = ctx.saved_tensors
        near = (gradient * _kernel(pre, threshold, ctx.bandwidth)).sum(0)
        return gradient * (pre > threshold), -threshold * near, None


class _Step(torch.autograd.Function):
    """``H(z - theta)``; its gradient reaches thresholds alone."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[None, Tensor, None]:
        (gradient,) = gradients
        pre, threshold = ctx.saved_tensors
        return None, -(gradient * _kernel(pre, threshold, ctx.bandwidth)).sum(0), None


class JumpReLUSAE(UnitDecoder):
    """A JumpReLU SAE; also what a BatchTopK SAE becomes when it is finished.

    The paper trains the logarithm of the thresholds to keep them positive; here
    they are trained themselves and kept above a least value.

    Parameters
    ----------
    sparsity : float
        Coefficient lambda of a row's L0, for rows with a mean squared norm of d_in.
    threshold : float
        Threshold of every latent at the start.
    bandwidth : float
        Width epsilon of the kernel, in units of pre-activations. The paper's 0.001 is for
        rows with a mean squared norm of 1.
    """

    architecture = "jumprelu"
    saved = (*UnitDecoder.saved, "threshold")

    def __init__(
        self,
        d_in: int,
        d_sae: int,
        sparsity: float = 0.0,
        threshold: float = 0.5,
        bandwidth: float = 0.1,
    ) -> None:
        super().__init__(d_in, d_sae)
        self.sparsity_coefficient, self.bandwidth = sparsity, bandwidth
        self.first_threshold = threshold
        self.threshold = nn.Parameter(torch.full((d_sae,), threshold))

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        codes: Tensor = _JumpReLU.apply(pre, self.threshold, self.bandwidth)
        return codes

    def sparsity(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return ``lambda L0``."""
        assert isinstance(codes, DenseCodes)
        active: Tensor = _Step.apply(codes.pre, self.threshold, self.bandwidth)
        return self.sparsity_coefficient * active.sum(1)

    def at_start(self) -> dict[str, float]:
        """Return by name what the parameters of one number a latent are at the start."""
        return {**super().at_start(), "threshold": self.first_threshold}

    @torch.no_grad()
    def after_step(self) -> None:
        """Scale decoder rows to unit norm and keep thresholds positive."""
        super().after_step()
        self.threshold.clamp_(min=LEAST_THRESHOLD)
