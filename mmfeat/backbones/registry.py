"""From a SPEC to a backbone; all families of backbones by the word that their SPECs begin with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from mmfeat.assets import path as asset
from mmfeat.backbones.base import Backbone
from mmfeat.errors import MmfeatError

BUNDLED = "openmoji-clip"
# What a SPEC begins with, and the module of `mmfeat.backbones.families`.
FAMILIES: dict[str, str] = {
    "open_clip": "open_clip",
    "hf": "hf",
}
# Files of a repository, of which one is there when it was downloaded.
_TRACES = ("config.json", "open_clip_config.json", "open_clip_model.safetensors")


class Family(Protocol):
    """What the module of a family holds.

    It may also hold ``repository(name)``, the repository of the hub that a name stands for (empty
    for none), and ``CONFIG`` and ``LOCAL``: the file that tells a folder with such a model, and how
    the SPEC of a folder begins.
    """

    FORMS: tuple[str, ...]  # how its SPECs are written

    def load(self, spec: str, name: str, device: str) -> Backbone | None:
        """Load a model by what follows the colon; None where that is of no form of it."""
        ...

    def folder(self, name: str) -> Path | None:
        """Return the folder or file of weights on this machine; None for what is downloaded."""
        ...


def _family(name: str) -> Any:
    """Return the module of a family, as `Family` says; what a model needs is not imported yet."""
    return import_module(f"mmfeat.backbones.families.{FAMILIES[name]}")


def local_folder(spec: str) -> Path | None:
    """Return the folder or file of weights a SPEC names, or None for one that is downloaded."""
    if spec == BUNDLED:
        return asset(BUNDLED)
    family, _, name = spec.partition(":")
    if family not in FAMILIES:
        return None
    known: Family = _family(family)
    return known.folder(name)


def weights(spec: str) -> Path | None:
    """Return where the weights of a SPEC are on this machine, also those that were downloaded.

    None where they are not, or their place is not known.
    """
    found = local_folder(spec)
    if found is not None:
        return found if found.exists() else None
    family, _, name = spec.partition(":")
    repository = getattr(_family(family), "repository", None) if family in FAMILIES else None
    if repository is None:
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        for trace in _TRACES:
            path = try_to_load_from_cache(repository(name), trace)
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
    found = [family for family in map(_family, FAMILIES) if hasattr(family, "CONFIG")]
    known: dict[str, str] = {family.CONFIG: family.LOCAL for family in found}
    for config, local in known.items():
        if (folder / config).is_file():
            return f"{local}{folder}"
    raise MmfeatError(
        f"{folder} holds no model; choose the folder that has {' or '.join(known)} beside the "
        "weights."
    )


def load_backbone(spec: str, device: str = "auto") -> Backbone:
    """Load a backbone.

    Parameters
    ----------
    spec : str
        ``openmoji-clip`` (bundled), or what the ``FORMS`` of a family say, such as
        ``open_clip:ARCH/PRETRAINED`` (a tag of open_clip's or a file of weights) or ``hf:PATH``.
    device : str
        A torch device, or ``auto`` for the GPU where there is one.

    Raises
    ------
    MmfeatError
        If the SPEC is not understood or the model cannot be loaded.
    """
    whole = f"open_clip:local-dir:{asset(BUNDLED)}" if spec == BUNDLED else spec
    family, _, name = whole.partition(":")
    if family in FAMILIES:
        known: Family = _family(family)
        found = known.load(spec, name, device)
        if found is not None:
            return found
    forms = [BUNDLED, *(form for own in map(_family, FAMILIES) for form in own.FORMS)]
    raise MmfeatError(f"{spec!r} is not a backbone; give {', '.join(forms[:-1])}, or {forms[-1]}.")
