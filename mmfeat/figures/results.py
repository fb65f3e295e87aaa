"""What commands print as JSON and figures are drawn from; nothing in such a file is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmfeat.errors import MmfeatError

_MOST_BYTES = 32 << 20
_MANY = 1 << 12  # entries of a list, but for controls

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(max_length=1 << 14)]
Feature = Annotated[int, Field(ge=0)]
M = TypeVar("M", bound=BaseModel)


class _Part(BaseModel):
    """A part of a result; what a figure does not need is passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


def read(path: Path, result: type[M], command: str) -> M:
    """Read what a command printed with ``--json``.

    Parameters
    ----------
    path : Path
        The file.
    result : type
        What it holds.
    command : str
        What printed it, for messages.

    Raises
    ------
    MmfeatError
        If it is missing, too large, or not what the command prints.
    """
    what = f"give what {command} --json printed"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise MmfeatError(f"{path} is larger than {_MOST_BYTES >> 20} MiB; {what}.")
        return result.model_validate_json(path.read_bytes())
    except OSError:
        raise MmfeatError(f"{path} cannot be read; {what}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        where = f"{path}: {name[:200]}" if name else f"{path}"
        raise MmfeatError(f"{where}: {first['msg']}; {what}.") from None


# mmfeat steer -------------------------------------------------------------------------


class Retrieved(_Part):
    """A picture or caption that was retrieved."""

    item_id: Text
    text: Text
    cosine: Number


class Standing(_Part):
    """Where the query's own concept stands."""

    rank: Annotated[int, Field(ge=1)]


class Towards(_Part):
    """Share of the gallery that the concept's items stand before, and how it changes."""

    before: Number | None
    after: Number | None
    change: Number | None
    noop: Number | None = None
    difference_of_means: Number | None = None
    controls: Annotated[list[Number], Field(max_length=1 << 16)]
    p: Share | None


class Gallery(_Part):
    """What is retrieved from captions in a language, or from pictures."""

    before: Annotated[list[Retrieved], Field(max_length=_MANY)]
    after: Annotated[list[Retrieved], Field(max_length=_MANY)]
    towards: Towards
    own_before: Standing | None = None
    own_after: Standing | None = None


class Change(_Part):
    """What was done to features."""

    kind: Text
    values: Annotated[list[Number], Field(max_length=_MANY)]


class Steered(_Part):
    """What `mmfeat steer` prints."""

    query: Text
    features: Annotated[list[Feature], Field(min_length=1, max_length=_MANY)]
    change: Change
    activation: Annotated[list[Number], Field(max_length=_MANY)]
    results: Annotated[dict[str, Gallery], Field(min_length=1, max_length=1024)]


# mmfeat probe -------------------------------------------------------------------------

ByLanguage = Annotated[dict[str, Number | None], Field(max_length=1024)]
Ends = tuple[Share, Share]


class Causal(_Part):
    """What ablation of a feature does, beside that of other features."""

    drop: Number | None
    controls_drop: Number | None
    above_controls: Share | None
    above_active: Share | None


class Probed(_Part):
    """A feature that tells a category."""

    feature: Feature
    auroc: ByLanguage
    auroc_interval: Ends | None
    auroc_image: Share | None
    auroc_image_interval: Ends | None
    difference: ByLanguage
    difference_image: Number | None
    p: Share | None
    q: Share | None
    p_image: Share | None
    q_image: Share | None
    gaps: Annotated[list[Text], Field(max_length=1024)]
    causal: Causal | None


class Agreement(_Part):
    """Pearson's r of differences between pictures and captions, and between languages."""

    image_text: Number | None
    languages: Number | None


class Category(_Part):
    """A category and the features that tell it, the best first."""

    category: Text
    texts: Annotated[dict[str, int], Field(max_length=8)]
    tested: Annotated[int, Field(ge=0)]
    discoveries: Annotated[int, Field(ge=0)]
    agreement: Agreement
    features: Annotated[list[Probed], Field(max_length=_MANY)]


class ProbeSettings(_Part):
    """By what the probe judged."""

    bar: Share
    fdr: Share


class ProbeReport(_Part):
    """What `mmfeat probe` prints."""

    digest: Text
    caution: Text
    settings: ProbeSettings
    categories: Annotated[list[Category], Field(max_length=256)]
