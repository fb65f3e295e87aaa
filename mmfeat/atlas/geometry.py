"""The geometry of an atlas: neurons, superposition, linearity, and neighbourhoods."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float

from mmfeat import hdf5
from mmfeat.analysis.neurons import best_neuron, same_rows, weak_share
from mmfeat.analysis.units import unit_of_items
from mmfeat.atlas.checked import FLOAT, INTEGER, MAX_ROW, CheckedFile
from mmfeat.atlas.checked import TEXT as STRINGS
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.progress import Progress

SAMPLED = 128  # features of each stream whose response is tried, two by two
ROWS = 8  # on so many rows
_SEED = 0
COLUMNS = ("interference_max", "interference_rms", "linearity_image", "linearity_text")


def write(file: h5py.File, evidence: Evidence, progress: Progress) -> None:
    """Write ``/geometry``: columns of features, and a summary as JSON."""
    from mmfeat.analysis.cknna import NEIGHBOURS, PERMUTATIONS, cknna_by_language  # loads torch

    group = hdf5.encode_group(file.create_group("geometry"), "geometry")
    summary: dict[str, Any] = {"superposition": _superposition(group, evidence)}
    with progress.stage("trying directions", 2) as advance:
        summary["linearity"] = {}
        for name in (IMAGE, TEXT):
            summary["linearity"][name] = _linearity(group, evidence, name)
            advance(1)
    summary["neurons"] = _write_neurons(group, evidence, progress)
    with progress.stage("comparing neighbourhoods", None) as advance:
        summary["cknna"] = {
            "k": NEIGHBOURS,
            "permutations": PERMUTATIONS,
            **cknna_by_language(
                evidence.trained,
                (evidence.streams[IMAGE], evidence.streams[TEXT]),
                (evidence.codes[IMAGE], evidence.codes[TEXT]),
                unit_of_items(evidence.acts),
                evidence.languages,
            ),
        }
        advance(1)
    group.attrs["json"] = json.dumps(summary)


def _superposition(group: h5py.Group, evidence: Evidence) -> dict[str, Any]:
    """Write the interference of alive features, and return it in numbers."""
    from mmfeat.analysis.superposition import interference  # it loads torch

    decoder, alive = evidence.trained.decoder.numpy(), evidence.alive
    found = interference(decoder[alive])
    for name, values in (("interference_max", found.largest), ("interference_rms", found.rms)):
        column = np.full(len(alive), np.nan, np.float32)
        column[alive] = values
        group[name] = column
    count, width = int(alive.sum()), decoder.shape[1]
    return {
        "alive": count,
        "dimensions": evidence.trained.d_in,
        "features_per_dimension": count / evidence.trained.d_in,
        "effective_dimension": _number(found.effective_dimension),
        "mean_square_cosine": _number(np.mean(found.rms**2) if count > 1 else np.nan),
        "random_mean_square_cosine": 1 / width,
        "largest_cosine": _quartiles(found.largest),
    }


def _linearity(group: h5py.Group, evidence: Evidence, name: str) -> dict[str, Any]:
    """Write the dose-response of sampled features on sampled rows of a stream."""
    from mmfeat.analysis.superposition import additivity, dose_response  # it loads torch

    trained, stream, codes = evidence.trained, evidence.streams[name], evidence.codes[name]
    most = np.zeros(trained.d_sae, np.float32)
    np.maximum.at(most, codes.indices, codes.data.astype(np.float32))
    able = np.flatnonzero(evidence.alive & (most > 0))
    rng = np.random.default_rng(_SEED)
    features = rng.permutation(able)[:SAMPLED]
    rows = np.sort(rng.permutation(stream.n)[:ROWS])
    given = (trained, name, stream.take(rows), stream.group[rows].astype(np.int64))
    column = np.full(trained.d_sae, np.nan, np.float32)
    column[features] = dose_response(*given, features, most[features])
    group[f"linearity_{name.split('.')[0]}"] = column
    pairs = features[: len(features) // 2 * 2].reshape(-1, 2)
    return {
        "features": len(features),
        "rows": len(rows),
        "dose_response": _quartiles(column[features]),
        "additivity": _quartiles(additivity(*given, pairs, most[pairs])),
    }


def _write_neurons(group: h5py.Group, evidence: Evidence, progress: Progress) -> dict[str, Any]:
    """Write the best neuron of each feature, at every hook point with the same rows."""
    acts, f = evidence.acts, evidence.trained.d_sae
    places = [
        (hook, name)
        for hook, streams in acts.hooks.items()
        for name in (IMAGE, TEXT)
        if name in streams and same_rows(evidence.streams[name], acts.stream(hook, name))
    ]
    correlation = np.full((f, len(places)), np.nan, np.float32)
    neuron = np.full((f, len(places)), -1, np.int32)
    with progress.stage("correlating neurons", len(places)) as advance:
        for at, (hook, name) in enumerate(places):
            rows = evidence.streams[name]
            found = best_neuron(evidence.codes[name], rows, acts.stream(hook, name))
            correlation[:, at], neuron[:, at] = found.correlation, found.neuron
            advance(1)
    node = hdf5.encode_group(group.create_group("neurons"), "neurons")
    hdf5.write_strings(node, "hook", [hook for hook, _ in places])
    hdf5.write_strings(node, "stream", [name for _, name in places])
    node["correlation"], node["neuron"] = correlation, neuron
    return {
        name: {
            "weak": {
                hook: weak_share(correlation[:, at], evidence.alive)
                for at, (hook, stream) in enumerate(places)
                if stream == name
            },
            "weak_elsewhere": _weak_elsewhere(correlation, places, name, evidence),
        }
        for name in (IMAGE, TEXT)
    }


def _weak_elsewhere(
    correlation: Float[np.ndarray, "d_sae places"],
    places: list[tuple[str, str]],
    name: str,
    evidence: Evidence,
) -> float | None:
    """Return the share of features that no neuron of any other hook point goes with."""
    others = [at for at, (hook, own) in enumerate(places) if own == name and hook != evidence.hook]
    # fmax passes over NaN, and leaves it where there is nothing else.
    strongest = np.fmax.reduce(np.abs(correlation[:, others]), axis=1, initial=np.nan)
    return weak_share(strongest, evidence.alive)


def _quartiles(values: np.ndarray) -> dict[str, float] | None:
    """Return the quartiles of what is known, and how much that is."""
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known):
        return None
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75)).tolist()
    return {"known": len(known), "low": low, "median": median, "high": high}


def _number(value: float) -> float | None:
    """Return what JSON can hold: None for NaN."""
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class Neuron:
    """The neuron that goes best with a feature at a hook point.

    Attributes
    ----------
    hook, stream : str
        Where, and over which rows.
    neuron : int
        Its dimension.
    correlation : float
        Pearson's.
    """

    hook: str
    stream: str
    neuron: int
    correlation: float


class GeometryReader:
    """Reads ``/geometry``.

    Attributes
    ----------
    summary : dict
        ``superposition``, ``linearity``, ``neurons`` and ``cknna`` of the whole SAE.

    Raises
    ------
    MmfeatError
        If it is missing or damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._features = data, features
        self.summary = data.json("geometry")
        for name in COLUMNS:
            data.dataset(f"geometry/{name}", FLOAT, (features,))
        place = "geometry/neurons"
        count = len(data.dataset(f"{place}/hook", STRINGS, (None,)))
        data.dataset(f"{place}/stream", STRINGS, (count,))
        if count > MAX_ROW:
            raise data.damaged(f"/{place}/hook", f"{count} hook points")
        data.dataset(f"{place}/correlation", FLOAT, (features, count))
        data.dataset(f"{place}/neuron", INTEGER, (features, count))
        self._places = list(
            zip(
                data.texts(f"{place}/hook", 0, count),
                data.texts(f"{place}/stream", 0, count),
                strict=True,
            )
        )

    def column(self, name: str) -> np.ndarray:
        """Return one of `COLUMNS` [d_sae]; NaN where the feature was not tried."""
        return self._data.rows(f"geometry/{name}", 0, self._features)

    def neurons(self, feature: int) -> list[Neuron]:
        """Return the best neuron of a feature at each hook point and stream that has one."""
        neuron = self._data.rows("geometry/neurons/neuron", feature, feature + 1)[0]
        r = self._data.rows("geometry/neurons/correlation", feature, feature + 1)[0]
        return [
            Neuron(hook, stream, int(neuron[at]), float(r[at]))
            for at, (hook, stream) in enumerate(self._places)
            if neuron[at] >= 0
        ]
