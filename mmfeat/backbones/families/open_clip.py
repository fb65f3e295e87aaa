"""Models of open_clip, by their architecture, their repository or the folder they lie in."""

from __future__ import annotations

from pathlib import Path

from mmfeat.backbones.base import Backbone

FORMS = ("open_clip:ARCH/PRETRAINED", "open_clip:hf-hub:ORG/NAME", "open_clip:local-dir:PATH")
CONFIG, LOCAL = "open_clip_config.json", "open_clip:local-dir:"


def load(spec: str, name: str, device: str) -> Backbone | None:
    """Load a model; None where the name has another form."""
    schema, _, place = name.partition(":")
    architecture, _, pretrained = name.partition("/")
    if schema in ("local-dir", "hf-hub") and place:
        architecture, pretrained = name, ""
    elif not (architecture and pretrained):
        return None
    from mmfeat.backbones.open_clip import OpenClipBackbone

    return OpenClipBackbone(spec, architecture, pretrained or None, device)


def folder(name: str) -> Path | None:
    """Return the folder or file of weights that a name stands for on this machine."""
    if name.startswith("local-dir:"):
        return Path(name.removeprefix("local-dir:"))
    if name.startswith("hf-hub:"):
        return None
    weights = Path(name.partition("/")[2])
    return weights if weights.is_file() else None


def repository(name: str) -> str:
    """Return the repository of the hub that a name stands for; empty where there is none."""
    if name.startswith("hf-hub:"):
        return name.removeprefix("hf-hub:")
    import open_clip

    architecture, _, tag = name.partition("/")
    place = str(open_clip.get_pretrained_cfg(architecture, tag).get("hf_hub", ""))
    return "/".join(place.split("/")[:2])
