"""Names of features in an atlas, with their evidence and what they predict on test concepts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.analysis.naming.combine import KEPT, METHODS
from mmfeat.analysis.threads import side_by_side
from mmfeat.atlas.checked import FLOAT, INTEGER, TEXT, CheckedFile
from mmfeat.atlas.evidence import Evidence
from mmfeat.progress import Progress

MEASURES = ("auroc_image", "auroc_text", "simulation_image", "simulation_text")


def write(file: h5py.File, evidence: Evidence, progress: Progress) -> None:
    """Write ``/names``."""
    # They load torch, which reading names does not need.
    from mmfeat.analysis.name_evaluation import summary
    from mmfeat.atlas.naming import Naming

    features, languages = evidence.trained.d_sae, evidence.languages
    group = hdf5.encode_group(file.create_group("names"), "names")
    naming = Naming(evidence)
    texts: dict[str, int] = {}
    shape = features, len(languages)
    best = np.full(shape, "", object)
    score = np.full(shape, np.nan, np.float32)
    index = np.full((*shape, KEPT), -1, np.int32)
    columns = {
        name: np.full((*shape, KEPT), np.nan, np.float32) for name in ("score", "auroc", *METHODS)
    }
    measured = {name: np.full(shape, np.nan, np.float32) for name in MEASURES}
    evaluation: dict[str, Any] = {}
    with progress.stage("naming features", len(languages)) as advance:
        named = side_by_side(naming.language, range(len(languages)))
        for number, (language, own) in enumerate(zip(languages, named, strict=True)):
            at = own.names.name
            place = np.array([texts.setdefault(t, len(texts)) for t in own.used], np.int32)
            where = np.full(own.size + 1, -1, np.int32)  # the last is for the padding
            where[own.used_index] = place
            index[:, number] = where[at]
            spelled = np.full(own.size + 1, "", object)
            spelled[own.used_index] = own.used
            best[:, number] = spelled[at[:, 0]]
            score[:, number] = own.names.score[:, 0]
            columns["score"][:, number] = own.names.score
            columns["auroc"][:, number] = own.names.auroc
            for method, name in enumerate(METHODS):
                columns[name][:, number] = own.names.methods[:, :, method]
            for name in MEASURES:
                measured[name][:, number] = own.measured[name]
            evaluation[language] = {
                **summary(own.measured, int(evidence.alive.sum())),
                "named": int((at[:, 0] >= 0).sum()),
                "methods": own.by_method,
            }
            advance(1, language)
    hdf5.write_strings(group, "text", best.ravel().tolist(), shape)
    group["score"] = score
    candidates = hdf5.encode_group(group.create_group("candidates"), "name-candidates")
    hdf5.write_strings(candidates, "text", list(texts))
    candidates["index"] = index
    for name, values in columns.items():
        candidates[name] = values
    held_out = hdf5.encode_group(group.create_group("evaluation"), "name-evaluation")
    for name in MEASURES:
        held_out[name] = measured[name]
    group.attrs["json"] = json.dumps({"languages": evaluation, "mean": _mean(evaluation)})


def _mean(evaluation: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the mean over languages of what is a number in each."""
    keys = [key for key in next(iter(evaluation.values()), {}) if key != "methods"]
    rows: dict[str, list[Any]] = {key: [one[key] for one in evaluation.values()] for key in keys}
    for method in METHODS:
        rows[f"auroc_{method}"] = [one["methods"][method] for one in evaluation.values()]
    known = {key: [v for v in values if v is not None] for key, values in rows.items()}
    return {key: float(np.mean(v)) if v else None for key, v in known.items()}


@dataclass(frozen=True)
class NameCandidate:
    """A name that a feature may have in a language, and what speaks for it.

    Attributes
    ----------
    text : str
        The name.
    score : float
        Combined score, 0 to 1.
    auroc : float
        How well it tells train rows on which the feature fires from others.
    methods : mapping of str to float
        The score of each method that proposed it: ``nearest`` a cosine, ``dissect`` soft-WPMI
        in nats, ``ngrams`` a z-score.
    """

    text: str
    score: float
    auroc: float
    methods: dict[str, float]


@dataclass(frozen=True)
class FeatureExplanation:
    """What an explainer said of a feature; see `analysis.explainers.Explanation`."""

    name: str
    confidence: float
    rubric: tuple[float, ...]
    model: str


class Names:
    """Reads the evidence in ``/names`` of an atlas.

    Attributes
    ----------
    evaluation : dict
        What the names are worth on test concepts: ``languages`` by tag, and their ``mean``.

    Raises
    ------
    MmfeatError
        From every method: where the file is damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._languages = data, languages
        shape = features, len(languages)
        self.evaluation = data.json("names")
        with data.guard("/names"):
            explained = "explanations" in data.file["names"]
        self._texts = len(data.dataset("names/candidates/text", TEXT, (None,)))
        data.dataset("names/candidates/index", INTEGER, (*shape, KEPT))
        for name in ("score", "auroc", *METHODS):
            data.dataset(f"names/candidates/{name}", FLOAT, (*shape, KEPT))
        for name in MEASURES:
            data.dataset(f"names/evaluation/{name}", FLOAT, shape)
        self._explained = np.zeros(0, np.int64)
        if explained:
            where = "names/explanations"
            count = len(data.dataset(f"{where}/feature", INTEGER, (None,)))
            for name, kind in (("name", TEXT), ("model", TEXT), ("confidence", FLOAT)):
                data.dataset(f"{where}/{name}", kind, (count,))
            data.dataset(f"{where}/rubric", FLOAT, (count, None))
            own = data.rows(f"{where}/feature", 0, count).astype(np.int64)
            if (own < 0).any() or (own >= features).any() or (np.diff(own) <= 0).any():
                raise data.damaged(f"/{where}/feature", "features that do not exist or ascend")
            self._explained = own

    def candidates(self, feature: int) -> dict[str, list[NameCandidate]]:
        """Return the best names of a feature by language, best first; none: no good name."""
        part = feature, feature + 1
        index = self._data.rows("names/candidates/index", *part)[0].astype(np.int64)
        if (index < -1).any() or (index >= self._texts).any():
            raise self._data.damaged("/names/candidates/index", f"names of feature {feature}")
        texts = self._data.pick("names/candidates/text", np.maximum(index, 0).ravel()).tolist()
        columns = {
            name: self._data.rows(f"names/candidates/{name}", *part)[0].ravel().tolist()
            for name in ("score", "auroc", *METHODS)
        }
        found: dict[str, list[NameCandidate]] = {}
        for language, tag in enumerate(self._languages):
            found[tag] = [
                NameCandidate(
                    texts[at],
                    columns["score"][at],
                    columns["auroc"][at],
                    {m: columns[m][at] for m in METHODS if not np.isnan(columns[m][at])},
                )
                for at in range(language * KEPT, (language + 1) * KEPT)
                if index.ravel()[at] >= 0
            ]
        return found

    def measured(self, feature: int) -> dict[str, dict[str, float]]:
        """Return `MEASURES` of a feature's names on test concepts, by language."""
        rows = {
            name: self._data.rows(f"names/evaluation/{name}", feature, feature + 1)[0].tolist()
            for name in MEASURES
        }
        return {
            tag: {name: rows[name][language] for name in MEASURES}
            for language, tag in enumerate(self._languages)
        }

    def explanation(self, feature: int) -> FeatureExplanation | None:
        """Return what an explainer said of a feature, or None where none was asked."""
        at = int(np.searchsorted(self._explained, feature))
        if at == len(self._explained) or self._explained[at] != feature:
            return None
        where = "names/explanations"
        return FeatureExplanation(
            self._data.texts(f"{where}/name", at, at + 1)[0],
            float(self._data.rows(f"{where}/confidence", at, at + 1)[0]),
            tuple(self._data.rows(f"{where}/rubric", at, at + 1)[0].tolist()),
            self._data.texts(f"{where}/model", at, at + 1)[0],
        )
