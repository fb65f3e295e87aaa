"""SAEs as other programs write them, turned into what ours compute.

SAELens: https://github.com/decoderesearch/SAELens. EleutherAI sparsify:
https://github.com/EleutherAI/sparsify.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from mmfeat.errors import MmfeatError
from mmfeat.sae.folding import fold_norms, fold_pre_bias
from mmfeat.sae.registry import sae_class

# What a finished SAE may be, and what SAELens calls it; all else is folded into one of these.
SAE_LENS_NAMES = {"topk": "topk", "jumprelu": "jumprelu", "gated": "gated", "relu": "standard"}
SAE_LENS_WEIGHTS = "sae_weights.safetensors"
SPARSIFY_WEIGHTS = "sae.safetensors"


@dataclass(frozen=True)
class PlainSAE:
    """What an SAE of ours is restored from.

    Attributes
    ----------
    architecture : str
        One of ours.
    d_in, d_sae : int
        Borne out by the shapes of the tensors.
    k : int or None
        Of a TopK SAE.
    tensors : dict of str to float32 Tensor
        By the names in `SAE.saved`.
    metadata : dict
        What the folder says about it.
    """

    architecture: str
    d_in: int
    d_sae: int
    k: int | None
    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def is_sparsify(config: Mapping[str, Any]) -> bool:
    """Return whether a ``cfg.json`` is one of sparsify, which names no architecture."""
    return "architecture" not in config and "expansion_factor" in config


def from_sae_lens(
    folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> PlainSAE:
    """Return an SAE in the layout of SAELens 6, which is ours too.

    Decoder rows come to unit norm, but those of a TopK SAE that selects regardless of them:
    it needs a gain a latent (`TopKSAE.restore`).

    Raises
    ------
    MmfeatError
        If it does what no SAE of ours does, or tensors are missing, extra or of other shapes.
    KeyError, TypeError, ValueError, OverflowError
        If ``cfg.json`` is damaged.
    """
    d_in, d_sae = int(config["d_in"]), int(config["d_sae"])
    named = config["architecture"]
    own = next((ours for ours, theirs in SAE_LENS_NAMES.items() if theirs == named), None)
    if own is None:
        raise MmfeatError(
            f"{folder}: the architecture {reprlib.repr(named)} is unknown here; those that are "
            f"read are {', '.join(SAE_LENS_NAMES.values())}."
        )
    # SAELens before 6 wrote a TopK SAE as a standard one with another activation.
    activation = config.get("activation_fn_str", config.get("activation_fn", "relu"))
    if activation != "relu":
        raise MmfeatError(
            f"{folder}: it was written by SAELens before 6.0, with the activation "
            f"{reprlib.repr(activation)}; load it with SAELens 6 and save it again."
        )
    normalised = config.get("normalize_activations")
    if normalised not in (None, False, "none"):
        raise MmfeatError(
            f"{folder}: it normalises activations by {reprlib.repr(normalised)}, which no weights "
            "can stand for; give an SAE with normalize_activations none, or fold it in with "
            "SAELens and save it again."
        )
    k = _k(folder, config, d_sae) if own == "topk" else None
    shapes: dict[str, tuple[int, ...]] = {name: (d_sae,) for name in sae_class(own).saved}
    shapes |= {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    tensors = _checked(folder, weights, shapes)
    if _flag(folder, config, "apply_b_dec_to_input", True):
        tensors = fold_pre_bias(tensors)
    if own == "jumprelu":
        # Theirs is ReLU above the threshold, so that one below 0 is as good as 0.
        tensors["threshold"] = tensors["threshold"].clamp(min=0)
    if own != "topk" or _flag(folder, config, "rescale_acts_by_decoder_norm", False):
        tensors = fold_norms(tensors)
    return PlainSAE(own, d_in, d_sae, k, tensors, dict(config.get("metadata") or {}))


def from_sparsify(
    folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> PlainSAE:
    """Return an SAE in the layout of EleutherAI's sparsify: TopK, with a pre-encoder bias.

    Raises
    ------
    MmfeatError
        If it is a transcoder, has a skip connection or groups of latents, or tensors are
        missing, extra or of other shapes.
    KeyError, TypeError, ValueError, OverflowError
        If ``cfg.json`` is damaged.
    """
    for key, what in (
        ("transcode", "a transcoder"),
        ("skip_connection", "an SAE with a skip connection"),
        ("signed", "an SAE with signed latents"),
    ):
        if _flag(folder, config, key, False):
            raise MmfeatError(
                f"{folder}: it is {what} ({key} is true), which is not read; give an SAE."
            )
    activation = config.get("activation", "topk")
    if activation != "topk":
        raise MmfeatError(
            f"{folder}: the activation {reprlib.repr(activation)} is unknown here; of sparsify's, "
            "topk is read."
        )
    d_in = int(config["d_in"])
    d_sae = int(config.get("num_latents") or 0) or d_in * int(config["expansion_factor"])
    k = _k(folder, config, d_sae)
    shapes = {
        "encoder.weight": (d_sae, d_in),
        "encoder.bias": (d_sae,),
        "W_dec": (d_sae, d_in),
        "b_dec": (d_in,),
    }
    theirs = _checked(folder, weights, shapes)
    tensors = {
        "W_enc": theirs["encoder.weight"].T,
        "b_enc": theirs["encoder.bias"],
        "W_dec": theirs["W_dec"],
        "b_dec": theirs["b_dec"],
    }
    return PlainSAE("topk", d_in, d_sae, k, fold_pre_bias(tensors), {})


def _k(folder: Path, config: Mapping[str, Any], d_sae: int) -> int:
    k = int(config["k"])
    if not 1 <= k <= d_sae:
        raise MmfeatError(
            f"{folder}: k is {reprlib.repr(k)}, which is not within 1 and d_sae "
            f"{reprlib.repr(d_sae)}; mend cfg.json."
        )
    return k


def _flag(folder: Path, config: Mapping[str, Any], key: str, default: bool) -> bool:
    value = config.get(key, default)
    if not isinstance(value, bool):
        raise MmfeatError(
            f"{folder}: {key} is {reprlib.repr(value)}, neither true nor false; mend cfg.json."
        )
    return value


def _checked(
    folder: Path, weights: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Return the weights in float32; sizes are a stranger's numbers until they bear them out."""
    for name, shape in shapes.items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != shape or 0 in shape:
            what = "missing" if found is None else _size(found)
            raise MmfeatError(
                f"{folder}: the weights do not have the shapes that cfg.json names: {name} is "
                f"{what}, not {_size(shape)}; copy the folder again."
            )
    extra = sorted(set(weights) - set(shapes))
    if extra:
        raise MmfeatError(
            f"{folder}: the weights have tensors that such an SAE does not have "
            f"({reprlib.repr(extra)[1:-1]}), so that it would not act as it was trained to; give "
            "an SAE of a known architecture."
        )
    if not all(weights[name].is_floating_point() for name in shapes):
        raise MmfeatError(f"{folder}: the weights are not floating-point numbers; train it again.")
    return {name: weights[name].float() for name in shapes}


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(reprlib.repr, shape))
