"""Many SAEs from one read of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmfeat import toml
from mmfeat.errors import MmfeatError
from mmfeat.files import disk_errors, exclusive, whole_file
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.settings import TrainSettings
from mmfeat.training import DEFAULT_RECIPE, Prepared, recipe

if TYPE_CHECKING:
    from mmfeat.store.activations import Activations

_MOST = 10_000  # trainings of a sweep


class SweepSettings(BaseModel):
    """Which SAEs are trained: every variant with every combination of the grid.

    Attributes
    ----------
    activations : str
        Path of the activations file, from where the TOML file is.
    recipe : str
        What settings begin as.
    together : int
        Trainings that share a pass over the data, and the memory.
    set, grid, variants
        Settings that all have; values to combine; by name, settings that belong together,
        ``recipe`` among them if it differs.
    """

    model_config = ConfigDict(extra="forbid")

    activations: str
    recipe: str = DEFAULT_RECIPE
    together: int = Field(16, ge=1)
    set: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    variants: dict[Annotated[str, Field(pattern=r"^\w[\w .+-]*$")], dict[str, Any]] = {}

    def runs(self) -> dict[str, TrainSettings]:
        """Return the settings of each training, by a name that says what is its own.

        Raises
        ------
        MmfeatError
            If a setting is not understood, or there are too many trainings.
        """
        counts = [len(values) for values in self.grid.values()]
        total = max(1, len(self.variants))
        for count in counts:
            total *= count
        if not 1 <= total <= _MOST:
            raise MmfeatError(f"The grid makes {total:,} trainings; ask for 1 to {_MOST:,}.")
        found: dict[str, TrainSettings] = {}
        for variant, own in (self.variants or {"": {}}).items():
            for values in product(*self.grid.values()):
                point = dict(zip(self.grid, values, strict=True))
                words = [f"{key}={value}" for key, value in point.items()]
                name = ",".join([variant, *words] if variant else words) or "run"
                changes = {**self.set, **own, **point}
                chosen = str(changes.pop("recipe", self.recipe))
                found[name.replace("/", "-")] = recipe(chosen, changes)
        return found


def load_sweep(file: Path) -> SweepSettings:
    """Read a sweep's TOML file.

    Raises
    ------
    MmfeatError
        If it is missing, not TOML, or a key or value is not understood.
    """
    values = toml.read(file)
    try:
        return SweepSettings.model_validate(values)
    except ValidationError as error:
        raise toml.refusal(file, error) from error


def sweep(file: Path | str, out: Path | str, *, progress: Progress = SILENT) -> dict[str, Any]:
    """Train the SAEs of a sweep; those that are there already are left as they are.

    Each is what `mmfeat.training.train` makes of the same settings.

    Parameters
    ----------
    file : path
        TOML file of the sweep, see `SweepSettings`.
    out : path
        Folder to write: an SAE folder a training, and ``sweep.json``.

    Returns
    -------
    dict
        ``out``, ``runs`` (``fvu_mean``, ``l0`` and ``dead`` by name), ``kept`` (those that
        were there) and ``failed`` (sentences by name).

    Raises
    ------
    MmfeatError
        If a setting is not understood, settings exclude each other, streams are not there,
        or the folder is being written.
    """
    from mmfeat.sae.interop import provenance_of
    from mmfeat.store.activations import open_activations

    file, folder = Path(file), Path(out)
    plan = load_sweep(file)
    settings = plan.runs()
    if folder.is_file():
        raise MmfeatError(f"{folder} is a file; give a folder for --out.")
    with (
        open_activations(file.parent / plan.activations) as acts,
        disk_errors(folder),
        exclusive(folder),
    ):
        prepared = _prepared(acts, settings)
        _write(folder, prepared)
        kept = [
            name
            for name, one in prepared.items()
            if provenance_of(folder / name) == json.loads(one.record)
        ]
        missing = [name for name in prepared if name not in kept]
        results: dict[str, Any] = {}
        failed: dict[str, str] = {}
        for first in range(0, len(missing), plan.together):
            names = missing[first : first + plan.together]
            done = _train({name: prepared[name] for name in names}, folder, progress)
            results.update({name: r for name, r in done.items() if not isinstance(r, str)})
            failed.update({name: r for name, r in done.items() if isinstance(r, str)})
    return {"out": str(folder), "runs": results, "kept": kept, "failed": failed}


def _prepared(acts: Activations, settings: Mapping[str, TrainSettings]) -> dict[str, Prepared]:
    """Prepare each training; those that draw alike have the same pairs."""
    first: dict[tuple[Any, ...], Prepared] = {}
    found = {}
    for name, own in settings.items():
        draw = own.hook, own.streams, own.batch.model_dump_json(), own.seed
        found[name] = Prepared(acts, own, like=first.get(draw))
        first.setdefault(draw, found[name])
    return found


def _train(
    prepared: Mapping[str, Prepared], folder: Path, progress: Progress
) -> dict[str, dict[str, Any] | str]:
    """Train some in one pass; return what they score, or why they failed."""
    from mmfeat.sae.trainer import train_saes

    for name, one in prepared.items():
        one.clear(folder / name)
    plans = [one.plan(folder / name) for name, one in prepared.items()]
    found: dict[str, dict[str, Any] | str] = {}
    for (name, one), saes in zip(
        prepared.items(), train_saes(plans, progress=progress), strict=True
    ):
        if isinstance(saes, MmfeatError):
            found[name] = str(saes)
        else:
            found[name] = one.save(saes, folder / name)
    return found


def _write(folder: Path, prepared: Mapping[str, Prepared]) -> None:
    """Write the list of trainings, which says what the folder will hold."""
    runs = [
        {
            "name": name,
            "folder": name,
            "d_in": one.pairs.d_in,
            "train_rows": one.pairs.n,
            "settings": one.settings.model_dump(mode="json"),
        }
        for name, one in prepared.items()
    ]
    with whole_file(folder / "sweep.json") as temporary:
        text = json.dumps({"runs": runs}, indent=1, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")
