"""From a SPEC to a backbone."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from mmfeat.assets import path as asset
from mmfeat.backbones import hub
from mmfeat.backbones.base import Backbone
from mmfeat.errors import MmfeatError

BUNDLED = "openmoji-clip"


def local_folder(spec: str) -> Path | None:
    """Return the folder or file of weights a SPEC names, or None for one that is downloaded."""
    if spec == BUNDLED:
        return asset(BUNDLED)
    family, _, rest = spec.partition(":")
    if family == "open_clip" and rest.startswith("local-dir:"):
        return Path(rest.removeprefix("local-dir:"))
    if family == "open_clip" and not rest.startswith("hf-hub:"):
        weights = Path(rest.partition("/")[2])
        return weights if weights.is_file() else None
    if family == "hf" and Path(rest).expanduser().is_dir():
        return Path(rest).expanduser()
    return None


def weights(spec: str) -> Path | None:
    """Return where the weights of a SPEC are on this machine, also those that were downloaded.

    None where they are not, or their place is not known.
    """
    found = local_folder(spec)
    if found is not None:
        return found if found.exists() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        for name in ("config.json", "open_clip_config.json", "open_clip_model.safetensors"):
            path = try_to_load_from_cache(_repository(spec), name)
            if isinstance(path, str):
                return Path(path).parent  # the snapshot: one revision of the repository
    except HFValidationError:
        pass
    return None


def spec_of(place: str) -> str:
    """Return the SPEC of a backbone that is given by one, or by the folder it lies in.

    Raises
    ------
    MmfeatError
        If it is a folder without a model that can be loaded.
    """
    folder = Path(place).expanduser()
    if not folder.is_dir():
        return place
    if (folder / "open_clip_config.json").is_file():
        return f"open_clip:local-dir:{folder}"
    if (folder / "config.json").is_file():
        return f"hf:{folder}"
    raise MmfeatError(
        f"{folder} holds no model; choose the folder that has config.json or "
        "open_clip_config.json beside the weights."
    )


def _repository(spec: str) -> str:
    """Return the repository of the hub that a SPEC names; empty where there is none."""
    family, _, rest = spec.partition(":")
    if family == "hf":
        return rest
    if rest.startswith("hf-hub:"):
        return rest.removeprefix("hf-hub:")
    import open_clip

    architecture, _, tag = rest.partition("/")
    place = str(open_clip.get_pretrained_cfg(architecture, tag).get("hf_hub", ""))
    return "/".join(place.split("/")[:2])


def load_backbone(spec: str, device: str = "auto") -> Backbone:
    """Load a backbone.

    Parameters
    ----------
    spec : str
        ``openmoji-clip`` (bundled), ``open_clip:ARCH/PRETRAINED`` (a tag of open_clip's or a file
        of weights), ``open_clip:hf-hub:ORG/NAME``, ``open_clip:local-dir:PATH``, or ``hf:ID`` or
        ``hf:PATH`` for a model of transformers.
    device : str
        A torch device, or ``auto`` for the GPU where there is one.

    Raises
    ------
    MmfeatError
        If the SPEC is not understood or the model cannot be loaded.
    """
    family, _, rest = spec.partition(":")
    if spec == BUNDLED:
        return _open_clip(spec, f"local-dir:{asset(BUNDLED)}", None, device)
    if family == "open_clip":
        schema, _, name = rest.partition(":")
        if schema in ("local-dir", "hf-hub") and name:
            return _open_clip(spec, rest, None, device)
        architecture, _, pretrained = rest.partition("/")
        if architecture and pretrained:
            return _open_clip(spec, architecture, pretrained, device)
    if family == "hf" and rest:
        with nullcontext() if local_folder(spec) else hub.answering():
            return _transformers(spec, rest, device)
    raise MmfeatError(
        f"{spec!r} is not a backbone; give openmoji-clip, open_clip:ARCH/PRETRAINED, "
        "open_clip:hf-hub:ORG/NAME, open_clip:local-dir:PATH, or hf:ID_OR_PATH."
    )


def _open_clip(spec: str, name: str, pretrained: str | None, device: str) -> Backbone:
    from mmfeat.backbones.open_clip import OpenClipBackbone

    return OpenClipBackbone(spec, name, pretrained, device)


def _transformers(spec: str, name: str, device: str) -> Backbone:
    from mmfeat.backbones import dual_encoder, generative
    from mmfeat.backbones.hf_loading import read_config

    folder = local_folder(spec)
    if folder is not None and (folder / "open_clip_config.json").is_file():
        raise MmfeatError(f"{spec} is a model of open_clip; give open_clip:local-dir:{folder}.")
    config = read_config(spec, name)
    if dual_encoder.handles(config):
        return dual_encoder.DualEncoderBackbone(spec, name, device)
    if generative.handles(config):
        return generative.GenerativeBackbone(spec, name, device)
    kind = config.get("model_type")
    if "auto_map" in config:
        raise MmfeatError(
            f"{spec} ({kind}) needs program code from its own repository, which is never run; "
            "choose a model that transformers itself has."
        )
    raise MmfeatError(
        f"{spec} is a {kind} model, which is neither a dual encoder of pictures and texts nor a "
        "language model that sees pictures; choose one that is, such as "
        "hf:openai/clip-vit-base-patch32."
    )
