"""Concepts in an atlas: completeness, absorption, purity, monosemanticity, and what is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float, Int

from mmfeat import hdf5
from mmfeat.analysis.absorption import MOST, Absorption, absorption, probes
from mmfeat.analysis.completeness import (
    BAR,
    MIN_POSITIVES,
    RATE,
    Found,
    Labels,
    completeness,
    find_features,
    labels_of,
)
from mmfeat.analysis.examples import BANDS
from mmfeat.analysis.monosemanticity import monosemanticity, monosemanticity_across, weighted
from mmfeat.analysis.purity import Purity, purity
from mmfeat.analysis.statistics import NORMAL_95
from mmfeat.atlas.checked import FLOAT, INTEGER, NUMBER, CheckedFile
from mmfeat.atlas.checked import TEXT as TEXTS
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.progress import Progress

MOST_ATTRIBUTES = 8  # whose purity is written
COMMON = 20  # items with a value for it to count in choosing them
_FOUND = ("feature", "f1", "precision", "recall", "p", "q", "frequency", "tested", "has")
_MONOSEMANTICITY = ("image", "text", "across")


def write(file: h5py.File, evidence: Evidence, progress: Progress) -> None:
    """Write ``/concepts``."""
    from mmfeat.analysis.downstream import SPACES, downstream  # they load torch

    group = hdf5.encode_group(file.create_group("concepts"), "concepts")
    steps = 4 + len(evidence.languages) * (1 + (len(SPACES) if evidence.test else 0))
    with progress.stage("scoring concepts", steps) as advance:
        items, split = len(evidence.acts.item_id), evidence.acts.split
        attributes = labels_of(evidence.corpus.attributes, items, 2 * MIN_POSITIVES)
        tested = np.where(split == "test", np.asarray(evidence.acts.concept, dtype=object), "")
        concepts = labels_of({"concept": tested.tolist()}, items, 2 * MIN_POSITIVES)
        node = hdf5.encode_group(group.create_group("labels"), "labels")
        hdf5.write_strings(node, "attribute", attributes.attribute + concepts.attribute)
        hdf5.write_strings(node, "value", attributes.value + concepts.value)
        _write_completeness(group, evidence, attributes, concepts, advance)
        _write_absorption(group, evidence, attributes)
        advance(1)
        _write_purity(group, evidence)
        advance(1)
        _write_monosemanticity(group, evidence)
        advance(1)
        node = hdf5.encode_group(group.create_group("downstream"), "downstream")
        scores: dict[str, Any] = {}
        if evidence.test is not None:
            named = evidence.corpus.attributes.get("group")
            scores = downstream(
                evidence.test,
                evidence.trained,
                evidence.codes[IMAGE],
                evidence.codes[TEXT],
                named,
                advance,
            )
        node.attrs["json"] = json.dumps(scores)


def _write_completeness(
    group: h5py.Group, evidence: Evidence, attributes: Labels, concepts: Labels, advance: Any
) -> None:
    split = evidence.acts.split
    # A concept is all train or all test: one half of its test items chooses, the other scores.
    own = concepts.member.tocsc()
    rank = np.zeros(len(split), np.int64)
    rank[own.indices] = np.arange(own.nnz) - np.repeat(own.indptr[:-1], np.diff(own.indptr))
    odd, tested = rank % 2 == 1, split == "test"
    found: list[list[Found]] = []
    curves = {}
    for name, of in ((IMAGE, None), *((TEXT, i) for i in range(len(evidence.languages)))):
        stream, codes = evidence.streams[name], evidence.codes[name]
        rows = np.arange(stream.n) if of is None else np.flatnonzero(stream.language == of)
        item, codes = stream.item[rows], codes.select(rows)
        halves = [
            find_features(codes, labels.member[item], *map(np.flatnonzero, (choose, score)))
            for labels, choose, score in (
                (attributes, split[item] == "train", tested[item]),
                (concepts, tested[item] & ~odd[item], tested[item] & odd[item]),
            )
        ]
        found.append(halves)
        columns = {key: np.concatenate([getattr(half, key) for half in halves]) for key in _FOUND}
        kept = columns["tested"]
        curve = completeness(
            columns["frequency"][kept], int(evidence.alive.sum()), columns["has"][kept]
        )
        curves["image" if of is None else evidence.languages[of]] = _plain(asdict(curve))
        advance(1)
    node = hdf5.encode_group(group.create_group("completeness"), "completeness")
    for key in _FOUND:
        node[key] = np.stack(
            [np.concatenate([getattr(half, key) for half in halves]) for halves in found], 1
        )
    node.attrs["json"] = json.dumps(
        {"bar": BAR, "rate": RATE, "alive": int(evidence.alive.sum()), "curves": curves}
    )


def _write_absorption(group: h5py.Group, evidence: Evidence, labels: Labels) -> None:
    node = hdf5.encode_group(group.create_group("absorption"), "absorption")
    summary = {}
    for name in (IMAGE, TEXT):
        stream = evidence.streams[name]
        train = evidence.acts.split == "train"
        found = absorption(
            evidence.codes[name],
            labels.member[stream.item],
            labels.attribute,
            train[stream.item],
            probes(stream, labels, train),
            evidence.trained.sae_of(name).W_dec.detach().numpy(),
        )
        own = hdf5.encode_group(node.create_group(name), "absorption-stream")
        for field in fields(Absorption):
            own[field.name] = getattr(found, field.name)
        scored = found.splitting > 0
        summary[name] = {
            "labels": int(scored.sum()),
            "splitting": _mean(found.splitting[scored].astype(np.float64)),
            "share": _mean(found.share[scored]),
            "control": _mean(found.control[scored]),
        }
    node.attrs["json"] = json.dumps(summary)


def _write_purity(group: h5py.Group, evidence: Evidence) -> None:
    node = hdf5.encode_group(group.create_group("purity"), "purity")
    chosen: dict[str, np.ndarray] = {}
    values: list[str] = []
    for name in sorted(evidence.corpus.attributes):
        column = np.asarray(evidence.corpus.attributes[name], dtype=object).astype(str)
        found, own = np.unique(column, return_inverse=True)
        count = np.where(found == "", 0, np.bincount(own, minlength=len(found)))
        common = count >= COMMON
        if common.sum() < 2 or 2 * count[common].sum() < count.sum():
            continue  # nearly every item has a value of its own: nothing could be pure
        number = np.where(found == "", -1, np.cumsum(found != "") - 1 + len(values))
        chosen[name] = number[own]
        values += found[found != ""].tolist()
        if len(chosen) == MOST_ATTRIBUTES:
            break
    hdf5.write_strings(node, "attributes", list(chosen))
    hdf5.write_strings(node, "values", values)
    train, test = evidence.acts.split == "train", evidence.acts.split == "test"
    for name in (IMAGE, TEXT):
        stream, codes = evidence.streams[name], evidence.codes[name]
        own_group = hdf5.encode_group(node.create_group(name), "purity-stream")
        rows = np.flatnonzero(train[stream.item]), np.flatnonzero(test[stream.item])
        for field in fields(Purity):
            shape: tuple[int, ...] = (codes.d_sae, len(chosen))
            if field.name in ("rows", "share", "purity"):
                shape = (*shape, BANDS)
            kind = np.int32 if field.name in ("value", "rows") else np.float32
            own_group.create_dataset(field.name, shape, kind)
        for at, own in enumerate(chosen.values()):
            scores = purity(codes, own[stream.item], *rows)
            for field in fields(Purity):
                own_group[field.name][:, at] = getattr(scores, field.name)


def _write_monosemanticity(group: h5py.Group, evidence: Evidence) -> None:
    node = hdf5.encode_group(group.create_group("monosemanticity"), "monosemanticity")
    test, silent = evidence.test, np.full(evidence.trained.d_sae, np.nan, np.float32)
    for suffix, pictures in (("", None), ("_second", evidence.second)):
        if suffix and pictures is None:
            continue
        columns = dict.fromkeys(_MONOSEMANTICITY, silent)
        if test is not None:
            image = weighted(test.image, evidence.codes[IMAGE], test.pictures, pictures)
            text = weighted(test.text, evidence.codes[TEXT], test.captions, pictures)
            scores = monosemanticity(image), monosemanticity(text)
            columns = dict(
                zip(_MONOSEMANTICITY, (*scores, monosemanticity_across(image, text)), strict=True)
            )
        for name, values in columns.items():
            node[name + suffix] = values.astype(np.float32)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return numbers as JSON has them, which knows no NaN and no infinity."""
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in values.items()
    }


def _mean(values: Float[np.ndarray, "labels"]) -> dict[str, float | None]:
    """Return mean and 95 % interval over labels."""
    known = values[~np.isnan(values)]
    if not len(known):
        return {"mean": None, "low": None, "high": None}
    mean = float(known.mean())
    reach = NORMAL_95 * float(known.std(ddof=1)) / np.sqrt(len(known)) if len(known) > 1 else np.nan
    return _plain({"mean": mean, "low": float(mean - reach), "high": float(mean + reach)})


@dataclass(frozen=True)
class AttributePurity:
    """One feature's bands by one attribute, the highest band first; see `analysis.purity`."""

    attribute: str
    value: str
    base: float
    rows: Int[np.ndarray, "bands"]
    share: Float[np.ndarray, "bands"]
    purity: Float[np.ndarray, "bands"]
    monotone: float


class Concepts:
    """Reads ``/concepts`` of an atlas.

    Attributes
    ----------
    completeness : dict
        ``bar``, ``rate``, ``alive`` and ``curves``: ``image`` and languages, see
        `analysis.completeness.Curve`.
    absorption_summary, downstream : dict
        Means over labels by stream; as `analysis.downstream.downstream` returns, empty
        without test units.
    labels : list of (str, str)
        Attribute and value; concepts come last, with the attribute ``concept``.

    Raises
    ------
    MmfeatError
        From every method: where the file is damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._features, self._languages = data, features, languages
        self.completeness = self._data.json("concepts/completeness")
        self.absorption_summary = self._data.json("concepts/absorption")
        self.downstream = self._data.json("concepts/downstream")
        self.labels: list[tuple[str, str]] = list(
            zip(*(self._texts(f"labels/{name}") for name in ("attribute", "value")), strict=False)
        )
        self.attributes = self._texts("purity/attributes")
        self._values = self._texts("purity/values")

    def _texts(self, name: str) -> list[str]:
        length = len(self._data.dataset(f"concepts/{name}", TEXTS, (None,)))
        return self._data.texts(f"concepts/{name}", 0, length)

    def found(self) -> dict[str, np.ndarray]:
        """Return the feature of each label and its scores [labels, pictures and languages]."""
        shape = (len(self.labels), 1 + len(self._languages))
        return {
            name: self._data.whole(f"concepts/completeness/{name}", NUMBER, shape)
            for name in _FOUND
        }

    def absorption(self, stream: str) -> Absorption:
        """Return the scores of the first labels, those of attributes, in a pooled stream."""
        where = f"concepts/absorption/{stream}"
        labels = len(self._data.dataset(f"{where}/splitting", INTEGER, (None,)))
        if labels > len(self.labels):
            raise self._data.damaged(f"/{where}", f"{labels} labels")
        return Absorption(
            **{
                field.name: self._data.whole(
                    f"{where}/{field.name}",
                    NUMBER,
                    (labels, MOST) if field.name in ("main", "f1") else (labels,),
                )
                for field in fields(Absorption)
            }
        )

    def monosemanticity(self) -> dict[str, Float[np.ndarray, "features"]]:
        """Return ``image``, ``text``, ``across``, and with ``_second`` where it was given."""
        return {
            name + suffix: self._data.whole(
                f"concepts/monosemanticity/{name}{suffix}", FLOAT, (self._features,)
            )
            for suffix in ("", "_second")
            for name in _MONOSEMANTICITY
            if not suffix or f"concepts/monosemanticity/{name}{suffix}" in self._data.file
        }

    def purity(self, stream: str, feature: int) -> list[AttributePurity]:
        """Return a feature's purity by each attribute, where it has a value."""
        row: dict[str, np.ndarray] = {}
        for field in fields(Purity):
            name = f"concepts/purity/{stream}/{field.name}"
            shape: tuple[int, ...] = (self._features, len(self.attributes))
            if field.name in ("rows", "share", "purity"):
                shape = (*shape, BANDS)
            kind = INTEGER if field.name in ("value", "rows") else FLOAT
            self._data.dataset(name, kind, shape)
            row[field.name] = self._data.rows(name, feature, feature + 1)[0]
        if (row["value"] >= len(self._values)).any():
            raise self._data.damaged(f"/concepts/purity/{stream}/value", "no such value")
        return [
            AttributePurity(
                attribute,
                self._values[value],
                float(row["base"][at]),
                row["rows"][at],
                row["share"][at],
                row["purity"][at],
                float(row["monotone"][at]),
            )
            for at, (attribute, value) in enumerate(
                zip(self.attributes, row["value"].tolist(), strict=True)
            )
            if value >= 0
        ]
