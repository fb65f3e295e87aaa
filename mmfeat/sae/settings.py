"""Settings of an SAE and of its training."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmfeat.errors import MmfeatError


class SAESettings(BaseModel):
    """Size and sparsity."""

    model_config = ConfigDict(extra="forbid")

    architecture: str = Field("topk", pattern="^topk$", description="how the support is chosen")
    d_sae: int = Field(1024, ge=1, le=1 << 26, description="number of latents")
    k: int = Field(16, ge=1, description="latents active in a row")


class OptimiserSettings(BaseModel):
    """Adam with a linear decay over the last fifth of the steps."""

    model_config = ConfigDict(extra="forbid")

    steps: int = Field(3000, ge=1)
    batch_size: int = Field(512, ge=1, description="pairs a step; each has a row a stream")
    lr: float = Field(1e-3, gt=0, allow_inf_nan=False)
    clip: float = Field(1.0, gt=0, allow_inf_nan=False, description="largest norm of the gradient")
    aux_k: int = Field(64, ge=0, description="dead latents that explain the error; 0 turns it off")
    aux_weight: float = Field(1 / 32, ge=0, allow_inf_nan=False, description="weight of their loss")
    dead_after: int = Field(
        200, ge=1, description="steps without firing after which a latent is dead"
    )


class TrainSettings(BaseModel):
    """Everything that decides what a training gives."""

    model_config = ConfigDict(extra="forbid")

    hook: str = "joint"
    streams: tuple[str, ...] = Field(("image.pooled", "text.pooled"), min_length=1)
    seed: int = Field(0, ge=0, lt=1 << 63)
    sae: SAESettings = SAESettings()
    optimiser: OptimiserSettings = OptimiserSettings()


def load_settings(file: Path | None, overrides: dict[str, Any] | None = None) -> TrainSettings:
    """Read settings from a TOML file, with ``section.key=value`` overrides on top.

    Raises
    ------
    MmfeatError
        If the file is not TOML, or a key or value is not understood.
    """
    values: dict[str, Any] = {}
    where = "the settings"
    if file is not None:
        where = str(file)
        try:
            values = tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise MmfeatError(f"{file} does not exist; check the path.") from None
        except OSError as error:
            raise MmfeatError(f"{file} cannot be read; give a TOML file.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise MmfeatError(f"{file} is not a TOML file ({error}); mend it.") from error
    for key, value in (overrides or {}).items():
        node = values
        *sections, last = key.split(".")
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                raise MmfeatError(f"{section!r} in {key!r} is no section of {where}.")
        node[last] = value
    try:
        settings = TrainSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise MmfeatError(f"{where}: {name}: {first['msg']}; mend that value.") from error
    if settings.sae.k > settings.sae.d_sae:
        raise MmfeatError(
            f"{where}: sae.k is {settings.sae.k}, more than sae.d_sae {settings.sae.d_sae}; "
            "lower it."
        )
    return settings


def parse_overrides(assignments: list[str]) -> dict[str, Any]:
    """Turn ``key=value`` texts into values, read as TOML where they are TOML.

    Raises
    ------
    MmfeatError
        If a text has no ``=``.
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise MmfeatError(f"--set {assignment!r} is not of the form key=value.")
        try:
            found[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = text
    return found
