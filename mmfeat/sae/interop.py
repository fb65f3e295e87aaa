"""SAE folders: the layout SAELens loads, and beside it each stream's mean and scale."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional as F

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.base import SAE
from mmfeat.sae.batch import modality_of
from mmfeat.sae.foreign import (
    SAE_LENS_NAMES,
    SAE_LENS_WEIGHTS,
    SPARSIFY_WEIGHTS,
    PlainSAE,
    from_sae_lens,
    from_sparsify,
    is_sparsify,
)
from mmfeat.sae.registry import sae_class
from mmfeat.sae.standardisation import Standardisation

_SAE_LENS_VERSION = "6.0.0"
_MODALITIES = ("image", "text")
_PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
_OUR_PICKLE = "checkpoint.pt"  # of a training that is not finished


@dataclass(frozen=True)
class TrainedSAE:
    """An SAE with what it needs to act on rows of a stream.

    A row is encoded from itself alone, by the SAE of its stream's modality:
    there is no way to hand over a partner row or a label.

    Attributes
    ----------
    saes : mapping of str to SAE
        By modality; the same object where pictures and captions have all in common.
    streams : mapping of str to Standardisation
        By stream.
    metadata : mapping
        Backbone, hook point, languages, provenance.
    """

    saes: Mapping[str, SAE]
    streams: Mapping[str, Standardisation]
    metadata: Mapping[str, Any]

    @property
    def d_in(self) -> int:
        """Width of a row."""
        return next(iter(self.saes.values())).d_in

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return next(iter(self.saes.values())).d_sae

    @property
    def architecture(self) -> str:
        """What it was trained as."""
        own = next(iter(self.saes.values())).architecture
        return str(self.metadata.get("training_architecture", own))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings it was trained with; empty where they are not recorded."""
        record = self.metadata.get("provenance")
        settings = record.get("settings") if isinstance(record, dict) else None
        return settings if isinstance(settings, dict) else {}

    @property
    def recipe(self) -> str | None:
        """Name of the recipe its training began as."""
        name = self.settings.get("recipe")
        return name if isinstance(name, str) else None

    @property
    def seed(self) -> int | None:
        """Seed of its training."""
        seed = self.settings.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def one_decoder(self) -> bool:
        """Whether a latent has the same direction for pictures and captions."""
        first, *others = self.saes.values()
        # Gains are folded into what is saved, so that equal rows come back but for rounding.
        return all(torch.allclose(first.W_dec, other.W_dec, atol=1e-5) for other in others)

    @property
    def decoder(self) -> Float[Tensor, "d_sae d"]:
        """Unit directions of the latents; of both decoders together where they are apart."""
        if self.one_decoder:
            return next(iter(self.saes.values())).W_dec.detach()
        rows = torch.cat([self.saes[name].W_dec.detach() for name in _MODALITIES], dim=1)
        return F.normalize(rows, dim=1)

    def sae_of(self, stream: str) -> SAE:
        """Return the SAE that encodes and decodes rows of a stream."""
        return self.saes[modality_of(stream)]

    def standardise(
        self, stream: str, rows: Float[np.ndarray, "rows d_in"], group: Int[np.ndarray, "rows"]
    ) -> Float[Tensor, "rows d_in"]:
        """Return raw rows of a stream as the SAE takes them; `group` is a row's language, or 0.

        Raises
        ------
        MmfeatError
            If the SAE has no mean and scale of the stream.
        """
        if stream not in self.streams:
            raise MmfeatError(
                f"The SAE has no mean and scale of {stream}; it has "
                f"{', '.join(self.streams) or 'none'}: choose one of these, or load the SAE with "
                "the streams whose raw rows it acts on."
            )
        return torch.from_numpy(self.streams[stream].apply(rows, group))

    def encode(
        self, stream: str, rows: Float[np.ndarray, "rows d_in"], group: Int[np.ndarray, "rows"]
    ) -> tuple[Float[Tensor, "rows m"], Int[Tensor, "rows m"]]:
        """Return activations and latents of raw rows of a stream."""
        return self.sae_of(stream).encode(self.standardise(stream, rows, group))


def save_sae(
    folder: Path,
    saes: Mapping[str, SAE],
    streams: Mapping[str, Standardisation],
    metadata: Mapping[str, Any],
) -> None:
    """Write an SAE folder; where pictures and captions differ, one subfolder a modality.

    ``cfg.json`` goes first when a folder is written again and comes last: a
    folder with it is whole.
    """
    forget_sae(folder)
    if len({id(sae) for sae in saes.values()}) == 1:
        _save_one(folder, next(iter(saes.values())), streams, metadata)
        return
    for modality in _MODALITIES:
        sae = saes[modality]
        own = {name: stats for name, stats in streams.items() if modality_of(name) == modality}
        place = folder / modality
        place.mkdir(parents=True, exist_ok=True)
        _save_one(place, sae, own, {**metadata, "modality": modality})


def forget_sae(folder: Path) -> None:
    """Take away what makes an SAE in a folder whole, before another is written there."""
    for place in (folder, *(folder / modality for modality in _MODALITIES)):
        (place / "cfg.json").unlink(missing_ok=True)


def _save_one(
    folder: Path,
    sae: SAE,
    streams: Mapping[str, Standardisation],
    metadata: Mapping[str, Any],
) -> None:
    weights = {name: tensor.contiguous() for name, tensor in sae.tensors().items()}
    _write(folder / SAE_LENS_WEIGHTS, save(weights))
    arrays: dict[str, np.ndarray] = {}
    for name, values in streams.items():
        arrays[f"{name}.mean"] = np.ascontiguousarray(values.mean, dtype=np.float32)
        arrays[f"{name}.scale"] = np.ascontiguousarray(values.scale, dtype=np.float32)
    _write(folder / "streams.safetensors", save_arrays(arrays))
    config: dict[str, Any] = {
        "architecture": SAE_LENS_NAMES[sae.architecture],
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
    }
    if isinstance(sae, TopKSAE):
        config["k"] = sae.k
        config["rescale_acts_by_decoder_norm"] = False
    config["metadata"] = {"sae_lens_version": _SAE_LENS_VERSION, **metadata}
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    _write(folder / "cfg.json", text.encode())


def _write(path: Path, data: bytes) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def sae_config(folder: Path) -> dict[str, Any]:
    """Return ``cfg.json`` of an SAE folder, that of the modality written last where they differ.

    Raises
    ------
    OSError, ValueError
        If there is none, or it is no JSON.
    """
    place = folder if (folder / "cfg.json").exists() else folder / _MODALITIES[-1]
    found: dict[str, Any] = json.loads((place / "cfg.json").read_text("utf-8"))
    return found


def provenance_of(folder: Path) -> dict[str, Any] | None:
    """Return the provenance of the SAE in a folder; None if there is none."""
    try:
        found: dict[str, Any] = sae_config(folder)["metadata"]["provenance"]
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load_sae(folder: Path | str, streams: Sequence[str] = (), languages: int = 1) -> TrainedSAE:
    """Read an SAE folder: one of ours, of SAELens 6 or of EleutherAI's sparsify.

    Activations are counted along unit decoder rows: those of an SAE with others are
    multiplied by their norms. Nothing is unpickled.

    Parameters
    ----------
    folder : path
        The folder with ``cfg.json``, or with one subfolder a modality.
    streams : sequence of str
        Streams whose raw rows it acts on, if it brings no mean and scale of any.
    languages : int
        How many languages captions of these streams are in.

    Raises
    ------
    MmfeatError
        If a file is missing or damaged, the architecture is unknown, or shapes disagree.
    """
    folder = Path(folder)
    apart = [name for name in _MODALITIES if (folder / name).is_dir()]
    if (folder / "cfg.json").exists() or not apart:
        sae, own, metadata = _load_one(folder)
        known = own or _identity(streams, languages, sae.d_in)
        return TrainedSAE(dict.fromkeys(_MODALITIES, sae), known, metadata)
    parts = {name: _load_one(folder / name) for name in _MODALITIES}
    (image, _, metadata), (text, _, _) = parts["image"], parts["text"]
    if (image.d_in, image.d_sae) != (text.d_in, text.d_sae):
        raise MmfeatError(f"{folder}: its two SAEs differ in size; train it again.")
    joined = {name: stats for _, found, _ in parts.values() for name, stats in found.items()}
    kept = {key: value for key, value in metadata.items() if key != "modality"}
    known = joined or _identity(streams, languages, image.d_in)
    return TrainedSAE({name: sae for name, (sae, _, _) in parts.items()}, known, kept)


def _identity(streams: Sequence[str], languages: int, d_in: int) -> dict[str, Standardisation]:
    """Return the mean 0 and scale 1 of streams whose raw rows an SAE acts on.

    Raises
    ------
    MmfeatError
        If a stream is of no modality.
    """
    for name in streams:
        if modality_of(name) not in _MODALITIES:
            raise MmfeatError(f"{name!r} is no stream; name one as image.pooled or text.pooled.")
    groups = {name: languages if modality_of(name) == "text" else 1 for name in streams}
    return {
        name: Standardisation(np.zeros((count, d_in), np.float32), np.ones(count, np.float32))
        for name, count in groups.items()
    }


def _load_one(folder: Path) -> tuple[SAE, dict[str, Standardisation], dict[str, Any]]:
    try:
        plain = _read(folder)
        arrays = _stream_arrays(folder, plain.metadata)
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
        OverflowError,
        RecursionError,
        OSError,
    ) as error:
        why = f"cfg.json has no {error}" if isinstance(error, KeyError) else error
        raise MmfeatError(f"{folder} holds a damaged SAE ({why}); train it again.") from error
    checked = (*plain.tensors.values(), plain.tensors["W_dec"].norm(dim=1))
    if not all(bool(torch.isfinite(tensor).all()) for tensor in checked):
        raise MmfeatError(f"{folder}: the weights are not all finite; train it again.")
    options = {} if plain.k is None else {"k": plain.k}
    with torch.device("meta"):
        sae: SAE = sae_class(plain.architecture)(plain.d_in, plain.d_sae, **options)
    sae.restore(plain.tensors)
    return sae, _standardisations(folder, arrays, plain.d_in), plain.metadata


def _read(folder: Path) -> PlainSAE:
    """Return what the folder holds, in whichever layout it is."""
    _refuse_pickles(folder)
    config = json.loads((folder / "cfg.json").read_text("utf-8"))
    if is_sparsify(config):
        return from_sparsify(folder, config, load_file(folder / SPARSIFY_WEIGHTS))
    return from_sae_lens(folder, config, load_file(folder / SAE_LENS_WEIGHTS))


def _refuse_pickles(place: Path) -> None:
    """Refuse an SAE that is there as a pickle alone: reading one could run any program."""
    files = [place] if place.is_file() else sorted(place.glob("*"))
    pickles = [file.name for file in files if file.suffix.lower() in _PICKLES]
    pickles = [name for name in pickles if name != _OUR_PICKLE]
    if pickles and not any(file.suffix == ".safetensors" for file in files):
        raise MmfeatError(
            f"{place}: {pickles[0]} is a pickle, and nothing is unpickled here; load it with the "
            f"program that wrote it and save it as {SAE_LENS_WEIGHTS} with cfg.json, as SAELens "
            "does."
        )


def _stream_arrays(folder: Path, metadata: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return means and scales; other programs know none, ours name the streams they wrote."""
    path = folder / "streams.safetensors"
    return load_arrays(path) if path.exists() or metadata.get("streams") else {}


def _standardisations(
    folder: Path, arrays: Mapping[str, np.ndarray], d_in: int
) -> dict[str, Standardisation]:
    names = {name.removesuffix(".mean") for name in arrays if name.endswith(".mean")}
    try:
        streams = {
            name: Standardisation(arrays[f"{name}.mean"], arrays[f"{name}.scale"])
            for name in sorted(names)
        }
    except KeyError as error:
        raise MmfeatError(f"{folder}: streams.safetensors lacks {error}.") from error
    for name, values in streams.items():
        if modality_of(name) not in _MODALITIES:
            raise MmfeatError(f"{folder}: {name!r} in streams.safetensors is no stream.")
        if values.scale.ndim != 1 or values.mean.shape != (len(values.scale), d_in):
            raise MmfeatError(f"{folder}: the mean of {name} is not of width {d_in}.")
        finite = np.isfinite(values.mean).all() and np.isfinite(values.scale).all()
        if not (finite and (values.scale > 0).all()):
            raise MmfeatError(f"{folder}: mean and scale of {name} are not all finite.")
    return streams
