"""Features of an atlas as a report: one HTML file to click through, search and print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output
from mmfeat.figures.columns import chosen_features, chosen_languages
from mmfeat.figures.kind import FileKind, Settings
from mmfeat.figures.report.data import Choice, contents
from mmfeat.figures.report.document import document


class ReportSettings(Settings):
    """Options of a report."""

    feature: tuple[int, ...] = Field(
        (),
        description="Index of a feature; repeat it for several. [shared ones by their effect, "
        "then others by energy]",
    )
    limit: int = Field(
        500, ge=1, le=5000, description="Features at most, where none are named with --feature."
    )
    language: tuple[str, ...] = Field(
        (), description="Language that has a column; repeat it for several. [all]"
    )
    title: str = Field("", max_length=200, description="Title of the report. [name of the atlas]")
    pictures: int = Field(
        12, ge=1, le=100, description="Strongest pictures a feature, as far as the atlas has them."
    )
    captions: int = Field(5, ge=1, le=100, description="Strongest captions a feature and language.")


def write(
    source: Path, settings: ReportSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write features as one HTML file that needs no server and no network.

    Raises
    ------
    MmfeatError
        If there is no such feature or language, or the atlas is damaged.
    """
    with Atlas(source) as atlas:
        choice = Choice(
            title=output.plain(settings.title) or f"Features of {output.plain(atlas.name)}",
            features=_features(atlas, settings),
            languages=chosen_languages(atlas, settings.language),
            pictures=settings.pictures,
            captions=settings.captions,
        )
        texts = {
            "attribution": output.plain(atlas.attribution),
            "versions": output.provenance_line(atlas),
            "record": json.dumps(json.loads(record), ensure_ascii=False, sort_keys=True, indent=1),
        }
        page = document(choice.title, texts, contents(atlas, choice))
    out.write_text(page, encoding="utf-8", newline="")
    return {
        "features": len(choice.features),
        "languages": list(choice.languages),
        "bytes": out.stat().st_size,
    }


def _features(atlas: Atlas, settings: ReportSettings) -> tuple[int, ...]:
    """Return the features that were named, or those that are worth looking at first."""
    if settings.feature:
        return tuple(chosen_features(atlas, settings.feature))
    scores = atlas.features()
    energy = scores["energy_image"].astype(np.float64) + scores["energy_text"]
    shared = np.asarray(scores["shared"], bool)
    effect = np.where(shared, np.nan_to_num(scores["shared_effect"]), 0)
    order = np.lexsort((-energy, -effect, ~shared))
    found = tuple(order[np.nan_to_num(energy[order]) > 0][: settings.limit].tolist())
    if not found:
        raise MmfeatError(f"No feature of {atlas.path} fires; name some with --feature.")
    return found


KIND = FileKind(
    "Write features as one HTML file to click through.", ReportSettings, write, ("html",)
)
