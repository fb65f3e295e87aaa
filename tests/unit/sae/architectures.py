"""Small SAEs of every architecture, and rows for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmfeat.sae.base import SAE
from mmfeat.sae.registry import sae_class

D_IN, D_SAE, ROWS, K = 5, 16, 9, 3
LAMBDA, BANDWIDTH = 0.7, 0.9
OPTIONS: dict[str, dict[str, Any]] = {
    "relu": {"sparsity": LAMBDA},
    "batch-topk": {"k": K},
    "matryoshka": {"k": K, "prefixes": (0.25, 0.5, 1.0)},
    "jumprelu": {"sparsity": LAMBDA, "threshold": 0.6, "bandwidth": BANDWIDTH},
    "gated": {"sparsity": LAMBDA},
}
NAMES = sorted(OPTIONS)


def make(name: str, **options: Any) -> Any:
    """An SAE in float64 whose every tensor is random, with unit decoder rows where it must."""
    torch.manual_seed(0)
    sae = sae_class(name)(D_IN, D_SAE, **{**OPTIONS[name], **options}).double()
    with torch.no_grad():
        for key, parameter in sae.named_parameters():
            if key == "threshold":
                parameter.uniform_(0.2, 1.2)
            elif key != "W_dec":
                parameter.normal_(std=0.6)
            elif name == "relu":
                parameter.mul_(torch.rand(D_SAE, 1, dtype=parameter.dtype) * 2 + 0.1)
        sae.after_step()
    return sae


def rows() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(ROWS, D_IN, dtype=torch.float64, generator=generator) * 1.5


def loss(sae: SAE, x: Tensor) -> Tensor:
    codes = sae.codes(x)
    return (sae.squared_error(x, codes) + sae.sparsity(x, codes)).sum()


def chosen(sae: Any, pre: Tensor) -> Tensor:
    """The support of a batch as a table."""
    support = sae.support(pre)
    table = torch.zeros(pre.shape, dtype=torch.bool)
    table[support.row, support.latents] = True
    return table
