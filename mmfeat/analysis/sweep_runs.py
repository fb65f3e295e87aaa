"""The runs of a sweep: what each was trained with, and what it scores."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from mmfeat.errors import MmfeatError
from mmfeat.sae.settings import TrainSettings

# Two matrices of d_in x d_sae, each 2 operations forward and 4 backward for a row and weight.
FLOPS = 12
_MOST = 1 << 40
_LARGEST_FILE = 64 << 20
_FREE = {"sae.d_sae", "optimiser.steps", "optimiser.lr", "seed", "recipe"}

_Known = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Run:
    """One finished training of a sweep.

    Attributes
    ----------
    compute : float
        `FLOPS` x rows x d_in x d_sae, in floating-point operations. Proportional to what
        a training takes: sparse codes save a share of it that is alike for all runs.
    epochs : float
        Batches of pairs drawn, in multiples of the pairs of the train split.
    loss : float
        FVU on test concepts; the trained streams count alike, and in each its languages.
    fvu : dict of str to float
        The same by stream.
    l0, dead : float
        Active latents of a row, and share of latents that never fire; means as of `loss`.
    """

    name: str
    d_sae: int
    steps: int
    lr: float
    seed: int
    compute: float
    epochs: float
    loss: float
    fvu: dict[str, float]
    l0: float
    dead: float


class _Entry(BaseModel):
    name: str = Field(max_length=1000)
    folder: str = Field(min_length=1, max_length=1000)
    d_in: int = Field(ge=1, le=1 << 24)
    train_rows: int = Field(ge=1, le=_MOST)
    settings: TrainSettings

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        place = PurePath(self.folder)
        if place.is_absolute() or ".." in place.parts or "\0" in self.folder:
            raise ValueError(f"the folder {self.folder!r} leads out of the sweep")
        if max(self.settings.optimiser.steps, self.settings.batch.size) > _MOST:
            raise ValueError("steps and batch size are beyond any training")
        return self


class _Sweep(BaseModel):
    runs: list[_Entry] = Field(min_length=1, max_length=100_000)


class _Score(BaseModel):
    fvu: dict[str, _Known]
    l0: dict[str, _Known]
    dead: dict[str, _Share]


_SWEEP, _SCORES = TypeAdapter(_Sweep), TypeAdapter(dict[str, _Score])


def read_runs(folder: Path) -> tuple[list[Run], int]:
    """Return the finished runs of a sweep, and how many have no scores yet.

    Raises
    ------
    MmfeatError
        If the folder is no sweep, holds damaged files, or has runs that differ in more than
        size, steps, learning rate and seed.
    """
    entries = _read_sweep(folder)
    runs = [run for entry in entries if (run := _run(folder, entry)) is not None]
    return runs, len(entries) - len(runs)


def _checked(path: Path, kind: TypeAdapter[Any]) -> Any:
    """Read a JSON file that a stranger may have written."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"it is larger than {_LARGEST_FILE >> 20} MiB")
        return kind.validate_python(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:200]
        reason = f"{where}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise MmfeatError(f"{path} is damaged ({reason}); run mmfeat sweep again.")


def _read_sweep(folder: Path) -> list[_Entry]:
    path = folder / "sweep.json"
    if not path.is_file():
        raise MmfeatError(
            f"{folder} is no sweep: it has no sweep.json; give the --out folder of mmfeat sweep."
        )
    entries: list[_Entry] = _checked(path, _SWEEP).runs
    if len({entry.folder for entry in entries}) < len(entries):
        raise MmfeatError(f"{path} is damaged (two runs have one folder); run mmfeat sweep again.")
    values: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        settings = _flat({**entry.settings.model_dump(mode="json"), "d_in": entry.d_in})
        for key, value in settings.items():
            values[key].add(value)
    # Settings that only some architectures have differ as well where they are absent.
    mixed = sorted(key for key, found in values.items() if len(found) > 1 and key not in _FREE)
    if mixed:
        raise MmfeatError(
            f"The runs of {folder} differ in {', '.join(mixed)}; a scaling law compares runs that "
            "differ in sae.d_sae, optimiser.steps, optimiser.lr and seed alone: sweep those."
        )
    return entries


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = json.dumps(value)
    return found


def _run(folder: Path, entry: _Entry) -> Run | None:
    """Return a run with its scores, None where it has none yet."""
    path = folder / entry.folder / "scores.json"
    if not path.is_file():
        return None
    scores: dict[str, _Score] = _checked(path, _SCORES)
    settings = entry.settings
    means: dict[str, dict[str, float]] = {"fvu": {}, "l0": {}, "dead": {}}
    for stream in settings.streams:
        for kind, found in means.items():
            by_language = getattr(scores[stream], kind) if stream in scores else {}
            if not by_language:
                raise MmfeatError(
                    f"{path} has no {kind} of {stream}, which was trained on; run mmfeat sweep "
                    "again on activations with test concepts."
                )
            found[stream] = math.fsum(by_language.values()) / len(by_language)
    loss, l0, dead = (math.fsum(found.values()) / len(found) for found in means.values())
    if not 0 < loss < 1e9:
        raise MmfeatError(f"{path} has a mean FVU of {loss:.4g}, which no training gives.")
    texts = sum(stream.startswith("text.") for stream in settings.streams)
    views = len(settings.streams) + (texts if settings.batch.second_caption else 0)
    steps, size, d_sae = settings.optimiser.steps, settings.batch.size, settings.sae.d_sae
    return Run(
        name=entry.name,
        d_sae=d_sae,
        steps=steps,
        lr=settings.optimiser.lr,
        seed=settings.seed,
        compute=float(FLOPS * steps * size * views * entry.d_in * d_sae),
        epochs=steps * size / entry.train_rows,
        loss=loss,
        fvu=means["fvu"],
        l0=l0,
        dead=dead,
    )
