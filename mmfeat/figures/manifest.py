"""What made a figure, so that it can be made again: a JSON file beside it, and inside it."""

from __future__ import annotations

import json
import os
import shlex
from importlib.metadata import version
from numbers import Integral
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mmfeat import provenance
from mmfeat.errors import MmfeatError
from mmfeat.figures.kind import Settings

SUFFIX = ".manifest.json"
_MOST = 1 << 20  # bytes


class Input(BaseModel):
    """A file that something was made from.

    Attributes
    ----------
    name, sha256 : str
        Name without folders, and content.
    at : str
        Where it is, from the manifest's folder; not in the figure itself, which travels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str
    at: str = ""


class Manifest(BaseModel):
    """What is needed to make a file again.

    Attributes
    ----------
    mmfeat_manifest : int
        Version of this format.
    kind, command : str
    settings : dict
        All options; files among them stand in `inputs` under the option's name.
    seeds : dict
        Those of the SAE and of the map, as far as its source knows them.
    versions : dict
    inputs : dict
        The source, and files that options name.
    out : str
        Name of the file without folders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mmfeat_manifest: int = 1
    kind: str
    command: str
    settings: dict[str, Any]
    seeds: dict[str, int]
    versions: dict[str, str]
    inputs: dict[str, Input]
    out: str

    def embedded(self) -> str:
        """Return it as the figure holds it: without the places of its inputs."""
        bare = {name: one.model_copy(update={"at": ""}) for name, one in self.inputs.items()}
        values = self.model_copy(update={"inputs": bare}).model_dump()
        for one in values["inputs"].values():
            del one["at"]
        return json.dumps(values, sort_keys=True, ensure_ascii=False)

    def text(self) -> str:
        """Return it as it is written beside the figure."""
        values = self.model_dump()
        return json.dumps(values, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def beside(out: Path) -> Path:
    """Return where the manifest of a file is."""
    return out.with_name(out.name + SUFFIX)


def make(kind: str, source: Path, out: Path, settings: Settings) -> Manifest:
    """Return the manifest of a file that is about to be made."""
    values = settings.model_dump(mode="json")
    files = {"source": source, **_files(settings)}
    for name in files:
        values.pop(_option(name), None)
    folder = out.resolve().parent
    return Manifest(
        kind=kind,
        command=_command(kind, source, out, settings),
        settings=values,
        seeds=_seeds(source),
        versions={**provenance.versions(), "matplotlib": version("matplotlib")},
        inputs={
            name: Input(
                name=file.name,
                sha256=provenance.content_hash(file),
                at=Path(os.path.relpath(file.resolve(), folder)).as_posix(),
            )
            for name, file in files.items()
        },
        out=out.name,
    )


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    MmfeatError
        If it is missing, or none that we know.
    """
    try:
        if path.stat().st_size > _MOST:
            raise MmfeatError(f"{path} is too large for a manifest; give one that mmfeat wrote.")
        found = Manifest.model_validate_json(path.read_bytes())
    except OSError:
        raise MmfeatError(f"{path} cannot be read; check the path.") from None
    except ValidationError:
        raise MmfeatError(
            f"{path} is not a manifest of mmfeat; give the file ending in {SUFFIX} beside a figure."
        ) from None
    if found.mmfeat_manifest != 1:
        raise MmfeatError(
            f"{path} has version {found.mmfeat_manifest}, which this mmfeat does not know; "
            "update mmfeat."
        )
    return found


def located(manifest: Manifest, path: Path) -> dict[str, Any]:
    """Return where the inputs of a manifest are: where they were, or beside it.

    Files of an option that was repeated are in a list.

    Raises
    ------
    MmfeatError
        If one is not there, or has another content.
    """
    found: dict[str, Any] = {}
    for role, one in sorted(manifest.inputs.items()):
        places = [path.parent / place for place in (one.at, Path(one.name).name) if place]
        at = next((place for place in places if place.exists()), None)
        if at is None:
            raise MmfeatError(
                f"{one.name}, from which {manifest.out} was made, is not there; put it beside "
                f"{path}."
            )
        if provenance.content_hash(at) != one.sha256:
            raise MmfeatError(
                f"{at} has another content than the {one.name} from which {manifest.out} was "
                "made; give that one back, or export anew."
            )
        if _option(role) == role:
            found[role] = at
        else:
            found.setdefault(_option(role), []).append(at)
    return found


def changed_versions(manifest: Manifest) -> list[str]:
    """Return what differs between a manifest's versions and those installed here."""
    here = {**provenance.versions(), "matplotlib": version("matplotlib")}
    return [
        f"{name} {number} there, {here.get(name, 'none')} here"
        for name, number in manifest.versions.items()
        if here.get(name) != number
    ]


def _files(settings: Settings) -> dict[str, Path]:
    """Return the files among options; those of a repeated one in its order, by numbers."""
    found = {}
    for name, value in settings:
        if isinstance(value, Path):
            found[name] = value
        elif isinstance(value, tuple):
            files = [one for one in value if isinstance(one, Path)]
            found |= {f"{name}[{at:03}]": one for at, one in enumerate(files)}
    return found


def _option(role: str) -> str:
    """Return the option to which an input belongs."""
    return role.partition("[")[0]


def _command(kind: str, source: Path, out: Path, settings: Settings) -> str:
    words = ["mmfeat", "export", kind, source.name, "--out", out.name]
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if value == field.get_default(call_default_factory=True):
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words += [option, one.name if isinstance(one, Path) else str(one)]
    return shlex.join(words)


def _seeds(source: Path) -> dict[str, int]:
    """Return the seeds of the source's SAE and map, where it is a file of ours."""
    if source.suffix != ".h5":
        return {}
    from mmfeat import hdf5

    found = {}
    with hdf5.open_checked(source, hdf5.kind_of(source)) as file:
        places = {"sae": file.get("sae")}
        places |= {f"map {name}": node for name, node in file.get("maps", {}).items()}
        for name, node in places.items():
            seed = None if node is None else node.attrs.get("seed")
            if isinstance(seed, Integral):
                found[name] = int(seed)
    return found
