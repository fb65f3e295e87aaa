"""Safety-relevant features of an atlas: probes of categories, with controls and a caution.

Templeton et al. (2024) report features for unsafe code, bias, sycophancy, deception and
dangerous content, with the caution that a feature's existence is no evidence of behaviour.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis.probe_lists import (
    ProbeList,
    bundled_probes,
    check_distinct,
    pictures_of,
    read_probe,
)
from mmfeat.analysis.probes import (
    BAR,
    ProbeScores,
    ablation_drops,
    auroc_interval,
    between_languages,
    correlation,
    probe_scores,
    same_frequency,
    share_below,
)
from mmfeat.analysis.retrieval import unit_rows
from mmfeat.atlas.encoder import open_encoder
from mmfeat.atlas.evidence import IMAGE, TEXT
from mmfeat.atlas.probe_items import matching_items
from mmfeat.atlas.reader import Atlas
from mmfeat.files import whole_file
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from mmfeat.atlas.encoder import Encoded, Encoder

CAUTION = (
    "That a model has a feature for something is not evidence that it behaves so: features also "
    "serve to recognise, describe or refuse a thing. A probe of a few texts tells what a feature "
    "fires on among these texts, and no more."
)
CONTROLS = 100  # features of like firing rate
FDR = 0.05
SEED = 0


@dataclass(frozen=True)
class Positives:
    """Positive examples of a stream, for the causal check.

    Attributes
    ----------
    encoded : Encoded
        Their rows and codes.
    group : int64 [rows]
        Language of each row by index; 0 for pictures.
    """

    encoded: Encoded
    group: Int[np.ndarray, "rows"]


@dataclass(frozen=True)
class Causal:
    """What a feature's ablation does to the positives, beside other features'.

    Attributes
    ----------
    drop : float
        Of the mean cosine of the positives to the centroid of their texts.
    controls_drop : float
        Mean drop of the controls.
    above_controls : float
        Share of the controls whose drop is smaller.
    above_active : float
        Share of all other features that fire on the positives whose drop is smaller.
    """

    drop: float
    controls_drop: float
    above_controls: float
    above_active: float


def mean_drops(encoder: Encoder, positives: Sequence[Positives]) -> Float[np.ndarray, "d_sae"]:
    """Return how much each feature's ablation lowers the cosine of positives to their texts.

    Parameters
    ----------
    encoder : Encoder
        At the hook point ``joint``, where it has a closed form
        (`mmfeat.analysis.probes.ablation_drops`).
    positives : sequence of Positives
        One a stream, texts among them; streams count alike.
    """
    texts = [part.encoded.x for part in positives if part.encoded.stream == TEXT]
    centroid = unit_rows(np.concatenate(texts)).mean(axis=0)
    drops = []
    for part in positives:
        stream = part.encoded.stream
        directions = encoder.trained.sae_of(stream).W_dec.detach().cpu().numpy()
        scale = encoder.trained.streams[stream].scale
        own = scale[part.group] if len(scale) > 1 else np.broadcast_to(scale, len(part.group))
        drops.append(ablation_drops(part.encoded.x, part.encoded.codes, directions, own, centroid))
    return np.asarray(np.mean(drops, axis=0))


def causal_check(
    drops: Float[np.ndarray, "d_sae"],
    feature: int,
    positives: Sequence[Positives],
    controls: Sequence[int],
) -> Causal:
    """Compare the ablation of a feature with that of control features, error term kept.

    Parameters
    ----------
    drops : float [d_sae]
        See `mean_drops`.
    feature : int
        Which.
    positives : sequence of Positives
        What they are of.
    controls : sequence of int
        Features of like frequency (`mmfeat.analysis.probes.same_frequency`).
    """
    active = np.unique(np.concatenate([part.encoded.codes.indices for part in positives]))
    index = np.asarray(controls, np.int64)
    return Causal(
        drop=float(drops[feature]),
        controls_drop=float(drops[index].mean()) if index.size else float("nan"),
        above_controls=share_below(drops, feature, controls),
        above_active=share_below(drops, feature, active[active != feature].tolist()),
    )


def probe_atlas(
    atlas: Path | str,
    lists: Sequence[Path] = (),
    *,
    out: Path | None = None,
    backbone: str | None = None,
    top: int = 5,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Report the features of an atlas that tell the categories of probe lists.

    Parameters
    ----------
    atlas : path
        The atlas.
    lists : sequence of path
        Probe lists; default: all that are bundled.
    out : path, optional
        JSON file to write the report to.
    backbone : str, optional
        SPEC of the backbone where it is not where the atlas says.
    top : int
        Features a category at most.

    Returns
    -------
    dict
        ``atlas``, ``digest``, ``backbone``, ``hook``, ``caution``, ``blurred_by_default`` (whoever
        shows pictures of the items blurs them first), ``settings``, and ``categories``.

    Raises
    ------
    MmfeatError
        If a list is not understood, or the backbone is not at hand.
    """
    paths = [Path(path) for path in lists] or bundled_probes()
    probes = [read_probe(path) for path in paths]
    check_distinct(probes)
    with Atlas(Path(atlas)) as opened:
        encoder = open_encoder(opened, backbone)
        items = matching_items(opened, probes, progress)
        categories = []
        with progress.stage("probing", len(probes)) as advance:
            for path, probe, own in zip(paths, probes, items, strict=True):
                categories.append(_category(opened, encoder, path, probe, own, top))
                advance(1)
        report = {
            "atlas": str(atlas),
            "digest": opened.digest,
            "backbone": opened.backbone,
            "hook": opened.hook,
            "caution": CAUTION,
            "blurred_by_default": True,
            "settings": {"bar": BAR, "fdr": FDR, "seed": SEED, "controls": CONTROLS, "top": top},
            "categories": categories,
        }
    if out is not None:
        with whole_file(out) as temporary:
            text = json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False)
            temporary.write_text(text + "\n", "utf-8")
        report["out"] = str(out)
    return report


def _category(
    atlas: Atlas,
    encoder: Encoder,
    path: Path,
    probe: ProbeList,
    items: tuple[list[int], list[int]],
    top: int,
) -> dict[str, Any]:
    texts, belongs, positives = _encoded_texts(encoder, probe)
    source, pictures, picture_belongs = "none", None, None
    if probe.images is not None:
        source = "folders"
        pictures, picture_belongs, own = _encoded_pictures(encoder, path, probe)
        positives.append(own)
    elif all(len(side) >= 2 for side in items):
        source = "items of the atlas"
        rows = [atlas.rows_of_item(IMAGE, item).start for side in items for item in side]
        codes = [atlas.codes_of_rows(IMAGE, row, row + 1) for row in rows]
        pictures = sp.vstack(codes, format="csr").astype(np.float64)
        picture_belongs = np.arange(len(rows)) < len(items[0])
    scores = probe_scores(texts, belongs, pictures, picture_belongs, atlas.d_sae, SEED)
    drops = None
    if encoder.hook == "joint" and texts:
        drops = mean_drops(encoder, positives)
    ids = atlas.items().item_id
    chosen = scores.best(top).tolist()
    n_positive = int(belongs.sum())
    return {
        "category": probe.category,
        "description": probe.description,
        "languages": list(texts),
        "languages_left_out": [tag for tag in probe.texts if tag not in texts],
        "texts": {"positive": n_positive, "negative": len(belongs) - n_positive},
        "images": {
            "source": source,
            "positive": 0 if picture_belongs is None else int(picture_belongs.sum()),
            "negative": 0 if picture_belongs is None else int((~picture_belongs).sum()),
            "items": {
                side: [ids[item] for item in own] if source.startswith("items") else []
                for side, own in zip(("positive", "negative"), items, strict=True)
            },
        },
        "tested": int((~np.isnan(scores.q)).sum()),
        "discoveries": int((scores.q <= FDR).sum()),
        "tested_image": int((~np.isnan(scores.image_q)).sum()),
        "discoveries_image": int((scores.image_q <= FDR).sum()),
        "agreement": _agreement(scores),
        "language_gaps": list(scores.gaps(chosen[0])) if chosen else [],
        "features": [
            _feature(atlas, scores, feature, drops, positives)
            | {
                "auroc_interval": _interval(list(texts.values()), belongs, feature),
                "auroc_image_interval": _interval([pictures], picture_belongs, feature),
            }
            for feature in chosen
        ],
    }


def _number(value: float) -> float | None:
    """Return a number as JSON has it: None for what cannot be had."""
    return float(value) if math.isfinite(value) else None


def _interval(
    groups: Sequence[sp.csr_array | None],
    positive: Bool[np.ndarray, "units"] | None,
    feature: int,
) -> list[float] | None:
    """Return the ends of the interval of a feature's mean AUROC over groups of codes."""
    own = [codes[:, [feature]].toarray()[:, 0] for codes in groups if codes is not None]
    if not own or positive is None:
        return None
    low, high = auroc_interval(np.stack(own), positive)
    return [low, high] if math.isfinite(low) else None


def _agreement(scores: ProbeScores) -> dict[str, float | None]:
    known = bool(scores.languages)
    mean = scores.difference.mean(axis=0) if known else np.full(len(scores.p), np.nan)
    return {
        "image_text": _number(correlation(scores.image_difference, mean)),
        "languages": _number(between_languages(scores.difference)),
    }


def _feature(
    atlas: Atlas,
    scores: ProbeScores,
    feature: int,
    drops: Float[np.ndarray, "d_sae"] | None,
    positives: Sequence[Positives],
) -> dict[str, Any]:
    def by_language(values: Float[np.ndarray, "languages d_sae"]) -> dict[str, float | None]:
        return dict(zip(scores.languages, map(_number, values[:, feature]), strict=True))

    causal = None
    if drops is not None:
        table = atlas.features()
        rate = np.nanmean([table["firing_rate_image"], table["firing_rate_text"]], axis=0)
        controls = same_frequency(rate, feature, CONTROLS)
        beside = asdict(causal_check(drops, feature, positives, controls.tolist()))
        causal = {name: _number(value) for name, value in beside.items()}
    return {
        "feature": feature,
        "names": {tag: name for tag, (name, _) in atlas.names(feature).items() if name},
        "score": _number(scores.score[feature]),
        "auroc": by_language(scores.auroc),
        "auroc_image": _number(scores.image_auroc[feature]),
        "difference": by_language(scores.difference),
        "difference_image": _number(scores.image_difference[feature]),
        "p": _number(scores.p[feature]),
        "q": _number(scores.q[feature]),
        "p_image": _number(scores.image_p[feature]),
        "q_image": _number(scores.image_q[feature]),
        "gaps": list(scores.gaps(feature)),
        "causal": causal,
    }


def _encoded_texts(
    encoder: Encoder, probe: ProbeList
) -> tuple[dict[str, sp.csr_array], Bool[np.ndarray, "units"], list[Positives]]:
    """Return codes by language, which things belong, and the positives of all languages."""
    known = {tag: own for tag, own in probe.texts.items() if tag in encoder.languages}
    first = next(iter(probe.texts.values()))
    units = len(first.positive) + len(first.negative)
    belongs = np.arange(units) < len(first.positive)
    if not known:
        return {}, belongs, []
    every = [text for own in known.values() for text in (*own.positive, *own.negative)]
    tags = [tag for tag in known for _ in range(units)]
    encoded = encoder.texts(every, tags, TEXT)
    codes = encoded.codes.astype(np.float64)
    by_tag = {tag: codes[at * units : (at + 1) * units] for at, tag in enumerate(known)}
    group = np.array([encoder.languages.index(tag) for tag in tags], np.int64)
    chosen = np.flatnonzero(np.tile(belongs, len(known)))
    return by_tag, belongs, [Positives(_rows(encoded, chosen), group[chosen])]


def _encoded_pictures(
    encoder: Encoder, path: Path, probe: ProbeList
) -> tuple[sp.csr_array, Bool[np.ndarray, "pictures"], Positives]:
    from mmfeat.corpus.pictures import decode, read_file

    assert probe.images is not None
    positive, negative = pictures_of(path, probe.images)
    pictures = [
        decode(read_file(file.name, file.parent, str(file)), str(file))
        for file in (*positive, *negative)
    ]
    encoded = encoder.images(pictures, IMAGE)
    belongs = np.arange(len(pictures)) < len(positive)
    own = _rows(encoded, np.flatnonzero(belongs))
    return encoded.codes.astype(np.float64), belongs, Positives(own, np.zeros(len(own.x), np.int64))


def _rows(encoded: Encoded, rows: Int[np.ndarray, "chosen"]) -> Encoded:
    return replace(
        encoded,
        codes=encoded.codes[rows],
        x=encoded.x[rows],
        source=encoded.source[rows],
        position=encoded.position[rows],
    )
