"""Models of transformers: dual encoders, and language models that see pictures."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from mmfeat.backbones import hub
from mmfeat.backbones.base import Backbone
from mmfeat.errors import MmfeatError

FORMS = ("hf:ID_OR_PATH",)
CONFIG, LOCAL = "config.json", "hf:"


def load(spec: str, name: str, device: str) -> Backbone | None:
    """Load a model; None where there is no name.

    Raises
    ------
    MmfeatError
        If it is no backbone, or cannot be loaded.
    """
    if not name:
        return None
    with nullcontext() if folder(name) else hub.answering():
        return _load(spec, name, device)


def folder(name: str) -> Path | None:
    """Return the folder that a name stands for on this machine."""
    place = Path(name).expanduser()
    return place if place.is_dir() else None


def repository(name: str) -> str:
    """Return the repository of the hub that a name stands for."""
    return name


def _load(spec: str, name: str, device: str) -> Backbone:
    from mmfeat.backbones import dual_encoder, generative
    from mmfeat.backbones.hf_loading import read_config

    place = folder(name)
    if place is not None and (place / "open_clip_config.json").is_file():
        raise MmfeatError(f"{spec} is a model of open_clip; give open_clip:local-dir:{place}.")
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
