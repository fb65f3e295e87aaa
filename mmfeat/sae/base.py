"""The small interface of every architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mmfeat.sae.codes import Codes, DenseCodes
from mmfeat.sae.ranks import Ranks, like, local

_CACHED = 1 << 18  # numbers of a block, 1 MiB


class SAE(nn.Module):
    """A sparse autoencoder on standardised rows; an architecture is a subclass in its own file.

    There is no pre-encoder bias (Templeton et al. 2024): rows are standardised before.

    Parameters
    ----------
    d_in, d_sae : int
        Width of a row, number of latents.

    Attributes
    ----------
    architecture : str
        Its name in settings.
    saved : tuple of str
        Names of the tensors a finished SAE is saved with.
    ranks : Ranks
        The processes that train it; where they divide the latents, it has `d_sae` of them, and
        its Parameters are DTensors (`mmfeat.sae.registry`).
    """

    architecture: ClassVar[str]
    saved: ClassVar[tuple[str, ...]] = ("W_enc", "b_enc", "W_dec", "b_dec")

    def __init__(self, d_in: int, d_sae: int) -> None:
        super().__init__()
        self.d_in, self.d_sae = d_in, d_sae
        self.ranks = Ranks()
        directions = _directions(d_sae, d_in)
        self.W_dec = nn.Parameter(directions)
        # Latent by latent in memory, as its gradient is made.
        self.W_enc = nn.Parameter(directions.clone().T)
        self.b_enc = nn.Parameter(torch.zeros(d_sae))
        self.b_dec = nn.Parameter(torch.zeros(d_in))

    @property
    def selection_bias(self) -> Float[Tensor, "d_sae"]:
        """What is added to ``x W_enc`` before a latent is found active or not."""
        return self.b_enc

    def pre_activations(
        self, x: Float[Tensor, "rows d_in"], latents: Int[Tensor, "some"] | None = None
    ) -> Float[Tensor, "rows some"]:
        """Return ``x W_enc + b_enc``, of all latents or of some."""
        if latents is None:
            return torch.addmm(self.selection_bias, x, self.W_enc)
        return torch.addmm(self.selection_bias[latents], x, self.W_enc.T[latents].T)

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        raise NotImplementedError

    def codes(self, x: Float[Tensor, "rows d_in"]) -> Codes:
        """Return codes in training, where rows of a batch may compete."""
        pre = self.pre_activations(x)
        return DenseCodes(pre, self.activate(pre))

    def sparsity(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return the architecture's own penalty of each row, its coefficient included."""
        return x.new_zeros(len(x))

    def squared_error(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return what training counts as a row's reconstruction error, ``||x - x_hat||^2``."""
        return (x - codes.decode(self)).square().sum(1)

    def reconstruct(self, codes: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_in"]:
        """Return ``z W_dec + b_dec``."""
        return torch.addmm(self.b_dec, codes, self.W_dec)

    def encode(
        self, x: Float[Tensor, "rows d_in"]
    ) -> tuple[Float[Tensor, "rows m"], Int[Tensor, "rows m"]]:
        """Return activations and latents of the rows' supports; a silent one has activation 0."""
        codes = self.activate(self.pre_activations(x))
        widest = int((codes > 0).sum(1).max()) if len(codes) else 0
        values, latents = codes.topk(max(widest, 1), dim=1)
        return values, latents

    def decode(
        self, values: Float[Tensor, "rows m"], latents: Int[Tensor, "rows m"]
    ) -> Float[Tensor, "rows d_in"]:
        """Return the reconstruction, without ever building a dense code."""
        return self.b_dec + F.embedding_bag(
            latents, self.W_dec, per_sample_weights=values, mode="sum"
        )

    def at_start(self) -> dict[str, float]:
        """Return by name what the parameters of one number a latent are at the start."""
        own = (name for name, p in self.named_parameters() if p.ndim == 1 and name != "b_dec")
        return dict.fromkeys(own, 0.0)

    def before_step(self) -> None:
        """Change gradients before the optimiser's step."""

    def after_step(self) -> None:
        """Bring parameters back to where they must be."""

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold: of DTensors, this rank's parts."""
        return {name: local(tensor) for name, tensor in self.state_dict().items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take back the state of a checkpoint.

        Raises
        ------
        KeyError, RuntimeError
            If it has other tensors or shapes.
        """
        own = self.state_dict()
        self.load_state_dict({name: like(own[name], part) for name, part in state.items()})

    def finished(self) -> SAE:
        """Return what is saved: unit decoder rows, and an activation of single rows."""
        return self.requires_grad_(False).eval()

    def tensors(self) -> dict[str, Tensor]:
        """Return what is saved of a finished SAE, by the names in `saved`."""
        return {name: getattr(self, name).detach() for name in self.saved}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what was saved; the SAE learns no more."""
        for name in self.saved:
            tensor = tensors[name].float()
            if name == "W_enc":
                tensor = tensor.T.contiguous().T  # in memory as in training: equal to the bit
            setattr(self, name, nn.Parameter(tensor, requires_grad=False))
        self.eval()


class UnitDecoder(SAE):
    """An SAE whose decoder rows keep unit norm all through training."""

    @torch.no_grad()
    def before_step(self) -> None:
        """Remove the part of the decoder's gradient that only changes norms."""
        if self.W_dec.grad is None:
            return
        table, gradients = local(self.W_dec), local(self.W_dec.grad)
        for rows, gradient in zip(_blocks(table), _blocks(gradients), strict=True):
            gradient.addcmul_((gradient * rows).sum(1, keepdim=True), rows, value=-1)

    @torch.no_grad()
    def after_step(self) -> None:
        """Scale decoder rows to unit norm."""
        for rows in _blocks(local(self.W_dec)):
            rows.div_(rows.norm(dim=1, keepdim=True).clamp(min=1e-8))


def _directions(d_sae: int, d_in: int) -> Float[Tensor, "d_sae d_in"]:
    """Draw unit rows."""
    rows = torch.empty(d_sae, d_in)
    # An SAE that is to be restored is built on the meta device, where nothing can be drawn, and
    # where drawing would import another second and a half of torch.
    return rows if rows.is_meta else F.normalize(torch.randn(d_sae, d_in), dim=1)


def _blocks(table: Float[Tensor, "d_sae d_in"]) -> tuple[Tensor, ...]:
    """Return blocks of rows that stay in a cache while they are worked on."""
    return torch.split(table, max(1, _CACHED // table.shape[1]))
