"""Settings of an SAE and of its training, by which architectures and terms of the loss are listed.

An architecture is a class here and a file in `mmfeat.sae.architectures`; a term of the loss is a
line of `LossSettings` and a file in `mmfeat.sae.objectives`. Nothing here loads torch.
"""

from __future__ import annotations

import operator
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from mmfeat import toml
from mmfeat.errors import MmfeatError

Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


# By name, in the order of the classes below.
ARCHITECTURES: dict[str, type[Architecture]] = {}


class Architecture(_Section):
    """Settings that all SAEs have; a subclass that says where its SAE is, is an architecture.

    Attributes
    ----------
    place : str
        ``module.Class`` of its SAE in `mmfeat.sae.architectures`, which takes `own`.
    selects : bool
        Whether the support is selected from a score (`mmfeat.sae.selecting`), so that pairs can
        share one in training and a gain can balance it.
    """

    place: ClassVar[str] = ""
    selects: ClassVar[bool] = False
    if TYPE_CHECKING:
        architecture: str

    d_sae: int = Field(1024, ge=1, le=1 << 26, description="number of latents")
    encoders: Literal["one", "modality"] = Field("one", description="one for all, or each its own")
    decoders: Literal["one", "modality"] = Field("one", description="one for all, or each its own")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """List an architecture."""
        if cls.place:
            ARCHITECTURES[cls.model_fields["architecture"].default] = cls

    def own(self) -> dict[str, Any]:
        """Return the settings that this architecture alone has."""
        return self.model_dump(exclude={"architecture", *Architecture.model_fields})


class _Selecting(Architecture):
    selects: ClassVar[bool] = True

    k: int = Field(16, ge=1, description="latents active in a row (topk), or on average")

    @model_validator(mode="after")
    def _enough_latents(self) -> Self:
        if self.k > self.d_sae:
            raise ValueError(f"k is {self.k}, more than d_sae {self.d_sae}")
        return self


class TopKSettings(_Selecting):
    """Gao et al. 2024."""

    place = "topk.TopKSAE"
    architecture: Literal["topk"] = "topk"


class BatchTopKSettings(_Selecting):
    """Bussmann et al. 2024."""

    place = "batch_topk.BatchTopKSAE"
    architecture: Literal["batch-topk"] = "batch-topk"


class MatryoshkaSettings(_Selecting):
    """Bussmann et al. 2025: BatchTopK over nested prefixes."""

    place = "matryoshka.MatryoshkaSAE"
    architecture: Literal["matryoshka"] = "matryoshka"
    prefixes: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0),
        min_length=1,
        description="nested dictionaries, as shares of d_sae, ascending to 1",
    )

    @field_validator("prefixes")
    @classmethod
    def _ascending(cls, prefixes: tuple[float, ...]) -> tuple[float, ...]:
        if prefixes[-1] != 1 or any(low >= high for low, high in pairwise(prefixes)):
            raise ValueError("the shares must ascend to 1, such as [0.25, 0.5, 1.0]")
        return prefixes


class ReLUSettings(Architecture):
    """Templeton et al. 2024."""

    place = "relu.ReLUSAE"
    architecture: Literal["relu"] = "relu"
    sparsity: Finite = Field(5.0, description="coefficient lambda of the penalty")


class JumpReLUSettings(Architecture):
    """Rajamanoharan et al. 2024 (b)."""

    place = "jump_relu.JumpReLUSAE"
    architecture: Literal["jumprelu"] = "jumprelu"
    sparsity: Finite = Field(2.0, description="coefficient lambda of the expected L0")
    threshold: float = Field(0.5, gt=0, allow_inf_nan=False, description="threshold at the start")
    bandwidth: float = Field(
        0.1, gt=0, allow_inf_nan=False, description="width of the straight-through kernel"
    )


class GatedSettings(Architecture):
    """Rajamanoharan et al. 2024 (a)."""

    place = "gated.GatedSAE"
    architecture: Literal["gated"] = "gated"
    sparsity: Finite = Field(8.0, description="coefficient lambda of the gates' L1")


if TYPE_CHECKING:
    SAESettings = Architecture
else:
    SAESettings = Annotated[
        reduce(operator.or_, (Annotated[own, Tag(name)] for name, own in ARCHITECTURES.items())),
        Discriminator(
            lambda value: (
                value.get("architecture", "topk")
                if isinstance(value, dict)
                else getattr(value, "architecture", None)
            )
        ),
    ]


class BatchSettings(_Section):
    """How a batch is made and transformed."""

    size: int = Field(512, ge=1, description="pairs a step; each has a row a stream")
    standardise: Literal["stream", "scalar"] = Field(
        "stream",
        description="stream: take off the mean of each stream and language and scale it to one "
        "norm; scalar: one scale for all and no mean",
    )
    concept_balance: Share = Field(
        0.0, description="0: captions are drawn alike; 1: concepts are, however many they have"
    )
    second_caption: bool = Field(
        False, description="also a caption in another language, so that captions make pairs"
    )
    pool: int = Field(
        0,
        ge=0,
        description="items read together, from which batches are drawn before others are read: "
        "for a file larger than memory; 0: from all",
    )


class SupportSettings(_Section):
    """How the support is selected in training."""

    shared: bool = Field(False, description="a pair has one support, from the sum of its scores")
    mask: float = Field(0.0, ge=0, lt=1, description="share of latents hidden from both of a pair")
    balance: Finite = Field(
        0.0, description="step of each modality's bias towards latents that fire alike often"
    )


@dataclass(frozen=True)
class Term:
    """A term of the loss: its function has the name of its weight, in a file of that name.

    Attributes
    ----------
    across : bool
        Whether it compares a pair with others of its batch.
    all_latents : bool
        Whether it sees all latents of a pair, so that ranks cannot divide them.
    """

    across: bool = False
    all_latents: bool = False


class LossSettings(_Section):
    """Weights of the terms of the loss that see a pair; 0 leaves a term out."""

    group_sparsity: Annotated[Finite, Term(all_latents=True)] = 0.0
    iso_energy: Annotated[Finite, Term(all_latents=True)] = 0.0
    energy_gap: Annotated[Finite, Term(across=True, all_latents=True)] = 0.0
    contrastive: Annotated[Finite, Term(across=True)] = 0.0
    translation: Annotated[Finite, Term()] = 0.0
    temperature: float = Field(
        0.1, gt=0, allow_inf_nan=False, description="of the contrastive term"
    )
    masked: int = Field(4, ge=0, description="strongest latents that iso-energy leaves out")


# By name; what else is a setting of the loss has no `Term`.
TERMS: Mapping[str, Term] = {
    name: term
    for name, field in LossSettings.model_fields.items()
    for term in field.metadata
    if isinstance(term, Term)
}


class OptimiserSettings(_Section):
    """Adam with a linear decay at the end."""

    steps: int = Field(3000, ge=1)
    lr: float = Field(1e-3, gt=0, allow_inf_nan=False)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.999,
    )
    warmup: Share = Field(0.0, description="share of steps in which the learning rate rises")
    decay: Share = Field(0.2, description="share of steps in which it falls to 0")
    sparsity_warmup: Share = Field(
        0.05, description="share of steps in which the sparsity coefficient rises"
    )
    clip: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="largest norm of the gradient"
    )
    aux_k: int = Field(64, ge=0, description="dead latents that explain the error; 0 turns it off")
    aux_weight: Finite = Field(1 / 32, description="weight of their loss")
    dead_after: int = Field(
        200, ge=1, description="steps without firing after which a latent is dead"
    )
    resample_every: int = Field(
        0, ge=0, description="steps after which dead latents begin anew; 0: never"
    )


class TrainSettings(_Section):
    """Everything that decides what a training gives."""

    recipe: str | None = Field(None, description="name of the recipe that these began as")
    hook: str = "joint"
    streams: tuple[str, ...] = Field(("image.pooled", "text.pooled"), min_length=1)
    seed: int = Field(0, ge=0, lt=1 << 63)
    sae: SAESettings = TopKSettings()
    batch: BatchSettings = BatchSettings()
    support: SupportSettings = SupportSettings()
    loss: LossSettings = LossSettings()
    optimiser: OptimiserSettings = OptimiserSettings()

    @field_validator("streams")
    @classmethod
    def _distinct(cls, streams: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(streams)) < len(streams):
            raise ValueError("a stream is given twice; give each once")
        return streams


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
        where, values = str(file), toml.read(file)
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
        place = list(first["loc"])
        if place[0] == "sae":
            del place[1:2]  # the architecture, which the user did not write there
        name = ".".join(map(str, place))
        # What was given beside the file is not the file's fault.
        place_of = "" if overrides and name in overrides else f"{where}: "
        raise MmfeatError(f"{place_of}{name}: {first['msg']}; mend that value.") from error
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
