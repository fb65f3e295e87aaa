"""SAE folders: the layout SAELens loads, and beside it each stream's mean and scale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file, save

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat.sae.topk import TopKSAE

_SAE_LENS_VERSION = "6.0.0"
_WEIGHTS = ("W_enc", "b_enc", "W_dec", "b_dec")


@dataclass(frozen=True)
class Standardisation:
    """Mean [groups, d_in] and scale [groups] of a stream; a group is a language, or all."""

    mean: Float[np.ndarray, "groups d_in"]
    scale: Float[np.ndarray, "groups"]


@dataclass(frozen=True)
class TrainedSAE:
    """An SAE with what it needs to act on rows of a stream."""

    sae: TopKSAE
    streams: Mapping[str, Standardisation]
    metadata: Mapping[str, Any]


def save_sae(
    folder: Path,
    sae: TopKSAE,
    streams: Mapping[str, Standardisation],
    metadata: Mapping[str, Any],
) -> None:
    """Write an SAE folder.

    ``cfg.json`` goes first when a folder is written again and comes last: a
    folder with it is whole.
    """
    (folder / "cfg.json").unlink(missing_ok=True)
    weights = {name: getattr(sae, name).detach().contiguous() for name in _WEIGHTS}
    _write(folder / "sae_weights.safetensors", save(weights))
    arrays: dict[str, np.ndarray] = {}
    for name, values in streams.items():
        arrays[f"{name}.mean"] = np.ascontiguousarray(values.mean, dtype=np.float32)
        arrays[f"{name}.scale"] = np.ascontiguousarray(values.scale, dtype=np.float32)
    _write(folder / "streams.safetensors", save_arrays(arrays))
    config = {
        "architecture": sae.architecture,
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "k": sae.k,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "rescale_acts_by_decoder_norm": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": _SAE_LENS_VERSION, **metadata},
    }
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    _write(folder / "cfg.json", text.encode())


def _write(path: Path, data: bytes) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def load_sae(folder: Path | str) -> TrainedSAE:
    """Read an SAE folder.

    Raises
    ------
    MmfeatError
        If a file is missing or damaged, the architecture is unknown, or shapes disagree.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "cfg.json").read_text("utf-8"))
        weights = load_file(folder / "sae_weights.safetensors")
        arrays = load_arrays(folder / "streams.safetensors")
        d_in, d_sae = int(config["d_in"]), int(config["d_sae"])
        architecture, k = config["architecture"], int(config.get("k", 0))
        metadata = dict(config.get("metadata", {}))
    except FileNotFoundError as error:
        name = Path(str(error.filename or error)).name
        raise MmfeatError(
            f"{folder} is no whole SAE folder: {name} is missing; train it again."
        ) from error
    except (
        SafetensorError,
        json.JSONDecodeError,
        UnicodeDecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OSError,
    ) as error:
        raise MmfeatError(f"{folder} holds a damaged SAE ({error}); train it again.") from error
    if architecture != "topk":
        raise MmfeatError(f"{folder}: the architecture {architecture!r} is unknown here.")
    shapes = {"W_enc": (d_in, d_sae), "b_enc": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    found = {name: tuple(weights[name].shape) if name in weights else None for name in shapes}
    if found != shapes or not 1 <= k <= d_sae:
        raise MmfeatError(f"{folder}: the weights do not have the shapes that cfg.json names.")
    if not all(bool(torch.isfinite(weights[name]).all()) for name in shapes):
        raise MmfeatError(f"{folder}: the weights are not all finite; train it again.")
    with torch.device("meta"):
        sae = TopKSAE(d_in, d_sae, k)
    sae.load_state_dict({name: weights[name].float() for name in shapes}, assign=True)
    sae.requires_grad_(False)
    names = {name.removesuffix(".mean") for name in arrays if name.endswith(".mean")}
    try:
        streams = {
            name: Standardisation(arrays[f"{name}.mean"], arrays[f"{name}.scale"])
            for name in sorted(names)
        }
    except KeyError as error:
        raise MmfeatError(f"{folder}: streams.safetensors lacks {error}.") from error
    for name, values in streams.items():
        if values.mean.shape != (len(values.scale), d_in) or values.scale.ndim != 1:
            raise MmfeatError(f"{folder}: the mean of {name} is not of width {d_in}.")
        if not (np.isfinite(values.mean).all() and (values.scale > 0).all()):
            raise MmfeatError(f"{folder}: mean and scale of {name} are not all finite.")
    return TrainedSAE(sae, streams, metadata)
