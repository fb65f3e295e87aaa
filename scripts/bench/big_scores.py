"""What the big synthetic atlas says of its features: counts and examples that agree with its codes.

What would take hours to compute (intervals, names on held-out items, purity) is drawn at random,
around what the chances of firing let one expect.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import h5py
import numpy as np
from big_codes import GRID, SLOTS, TOKENS, Layout, Plan, mix

from mmfeat import hdf5
from mmfeat.analysis.consistency import known_mean
from mmfeat.analysis.examples import BANDS
from mmfeat.analysis.firing import MIN_FIRINGS, modality_score
from mmfeat.analysis.languages import (
    consistency_by_column,
    language_entropy,
    language_specificity,
    levels,
    reach,
    similarity,
)
from mmfeat.corpus.languages import script_of_tag

_CLUSTER = 64  # features of like directions
_NEIGHBOURS, _PARTNERS = 20, 10
_KEPT = {False: (20, 5), True: (10, 3)}  # examples: the strongest, and of each band
_MEASURES = ("jaccard", "text_given_image", "image_given_text", "phi")
_COLUMNS = 1 << 21  # numbers of a block in which examples are chosen


@dataclass(frozen=True)
class Counts:
    """Of each feature in each group (pictures, or a language): firings, sums, largest [f, g]."""

    fires: np.ndarray
    total: np.ndarray
    square: np.ndarray
    largest: np.ndarray


def count_and_choose(parent: h5py.Group, plan: Plan, layout: Layout) -> Counts:
    """Write ``/examples/STREAM`` of a pooled stream and return what was counted on the way."""
    groups = len(plan.languages) if layout.texts else 1
    shape = plan.features, groups
    counts = Counts(np.zeros(shape, np.int64), *np.zeros((3, *shape)))
    top, per_band = _KEPT[layout.texts]
    rows = {
        "top": np.full((*shape, top), -1, np.int32),
        "bands": np.full((*shape, BANDS, per_band), -1, np.int32),
    }
    values = {name: np.zeros(own.shape, np.float32) for name, own in rows.items()}
    for slot in range(SLOTS):
        strength = plan.strength(slot, layout.texts, 0, plan.items)
        own = plan.feature_of(slot, np.arange(plan.items))
        begins = np.flatnonzero(np.diff(own, prepend=-1))
        features = own[begins]
        counts.fires[features] = np.add.reduceat(strength > 0, begins, dtype=np.int64)
        counts.total[features] = np.add.reduceat(strength, begins, dtype=np.float64)
        counts.square[features] = np.add.reduceat(strength**2, begins, dtype=np.float64)
        counts.largest[features] = np.maximum.reduceat(strength, begins)
        ends = np.append(begins[1:], plan.items)
        longest = int((ends - begins).max())
        step = max(1, _COLUMNS // (longest * groups))
        for at in range(0, len(begins), step):
            part = slice(at, at + step)
            items = begins[part, None] + np.arange(longest)
            inside = items < ends[part, None]
            items = np.minimum(items, plan.items - 1)
            # [features, groups, items of the stretch]
            block = np.where(inside[..., None], strength[items], 0)
            block = np.ascontiguousarray(block.transpose(0, 2, 1))
            units = items[:, None] * groups + np.arange(groups)[:, None]
            _choose(features[part], block, units, rows, values)
    group = hdf5.encode_group(parent.create_group(layout.name), "examples")
    for name in rows:
        found = rows[name], values[name]
        group[name], group[f"{name}_activation"] = (v if layout.texts else v[:, 0] for v in found)
    return counts


def _choose(
    features: np.ndarray,
    block: np.ndarray,
    units: np.ndarray,
    rows: dict[str, np.ndarray],
    values: dict[str, np.ndarray],
) -> None:
    """Put the strongest units of each feature, and some of each band, into their places."""

    def put(name: str, place: tuple[object, ...], score: np.ndarray, count: int) -> None:
        count = min(count, score.shape[-1])
        best = np.argpartition(-score, count - 1, axis=-1)[..., :count]
        strength = np.take_along_axis(block, best, -1)
        strength = np.where(np.take_along_axis(score, best, -1) > 0, strength, 0)
        order = np.argsort(-strength, axis=-1, kind="stable")
        best = np.take_along_axis(best, order, -1)
        strength = np.take_along_axis(strength, order, -1)
        unit = np.take_along_axis(units, best, -1)
        rows[name][place][..., :count] = np.where(strength > 0, unit, -1)
        values[name][place][..., :count] = strength

    most = block.max(-1, keepdims=True)
    band = np.minimum((1 - block / np.where(most > 0, most, 1)) * BANDS, BANDS - 1).astype(np.int8)
    ticket = 1 + (mix(units, 7) >> np.uint32(8)).astype(np.float32)
    first, last = int(features[0]), int(features[-1]) + 1
    if last - first != len(features):  # more features than items: some have no stretch
        for at, feature in enumerate(features.tolist()):
            _choose(np.array([feature]), block[at : at + 1], units[at : at + 1], rows, values)
        return
    chosen = slice(first, last)
    put("top", (chosen,), block, rows["top"].shape[-1])
    for number in range(BANDS):
        score = np.where((block > 0) & (band == number), ticket, 0)
        put("bands", (chosen, slice(None), number), score, rows["bands"].shape[-1])


@dataclass(frozen=True)
class Scores:
    """What the parts below share: the plan, counts of pictures and captions, and chance."""

    plan: Plan
    image: Counts
    text: Counts
    rng: np.random.Generator

    @property
    def alive(self) -> np.ndarray:
        """Which features fire at least five times [f]."""
        total = self.image.fires[:, 0] + self.text.fires.sum(1)
        return np.asarray(total >= MIN_FIRINGS)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Draw numbers, float32."""
        return self.rng.uniform(low, high, shape).astype(np.float32)


def write_features(file: h5py.File, scores: Scores) -> None:
    """Write ``/features``."""
    plan, image, text = scores.plan, scores.image, scores.text
    rate, energy = text.fires / plan.items, text.square / plan.items
    energy_image = image.square[:, 0] / plan.items
    both = (image.fires >= 25) & (text.fires >= 25)
    least = min(3, len(plan.languages))
    testable = both.sum(1) >= least
    p = np.where(both, 10 ** -scores.rng.gamma(2, 3, both.shape), 1)
    effect = np.where(both, np.minimum(plan.chance[:, :1], plan.chance[:, 1:]) - 0.05, 0)
    shared_in = both & (p <= 0.05) & (effect >= 0.25)
    shared_p = np.where(testable, np.sort(p, 1)[:, least - 1], np.nan)
    group = hdf5.encode_group(file.create_group("features"), "features")
    columns = {
        "firing_rate_image": (image.fires[:, 0] / plan.items).astype(np.float32),
        "firing_rate_text": rate.mean(1).astype(np.float32),
        "energy_image": energy_image.astype(np.float32),
        "energy_text": energy.mean(1).astype(np.float32),
        "modality_score": modality_score(energy_image, energy.mean(1)).astype(np.float32),
        "max_activation_image": image.largest[:, 0].astype(np.float32),
        "max_activation_text": text.largest.max(1).astype(np.float32),
        "n_languages": (text.fires >= MIN_FIRINGS).sum(1).astype(np.int16),
        "testable": testable,
        "shared": testable & (shared_in.sum(1) >= least),
        "shared_p": shared_p,
        "shared_q": np.minimum(1, 2 * shared_p),
        "shared_effect": np.sort(effect, 1)[:, -least],
        "n_shared_languages": shared_in.sum(1).astype(np.int16),
    }
    for name, values in columns.items():
        group[name] = values
    node = hdf5.encode_group(group.create_group("by_language"), "by-language")
    node["firing_rate"], node["energy"] = rate.astype(np.float32), energy.astype(np.float32)
    node["p"], node["effect"], node["shared"] = p, effect, shared_in


def write_decoder(file: h5py.File, scores: Scores, d_in: int) -> None:
    """Write ``/sae``, ``/neighbours`` and ``/maps``: clusters of features of like directions."""
    plan, rng, f = scores.plan, scores.rng, scores.plan.features
    clusters = -(-f // _CLUSTER)
    cluster = np.arange(f) // _CLUSTER
    centre = rng.standard_normal((clusters, d_in), np.float32)
    decoder = centre[cluster] + rng.standard_normal((f, d_in), np.float32)
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    index = np.full((f, _NEIGHBOURS), -1, np.int32)
    cosine = np.full((f, _NEIGHBOURS), np.nan, np.float32)
    for first in range(0, f, _CLUSTER):
        own = decoder[first : first + _CLUSTER]
        alike = own @ own.T
        np.fill_diagonal(alike, -2)
        kept = min(_NEIGHBOURS, len(own) - 1)
        order = np.argsort(-alike, axis=1, kind="stable")[:, :kept]
        index[first : first + len(own), :kept] = first + order
        cosine[first : first + len(own), :kept] = np.take_along_axis(alike, order, 1)
    group = hdf5.encode_group(file.create_group("neighbours"), "neighbours")
    group["index"], group["cosine"] = index, cosine

    side = int(np.ceil(np.sqrt(clusters)))
    place = np.stack([np.arange(clusters) % side, np.arange(clusters) // side], 1) * 3.0
    place += rng.uniform(-1, 1, place.shape)
    spread = rng.uniform(0.2, 0.9, (clusters, 1))[cluster]
    xy = place[cluster] + spread * rng.standard_normal((f, 2))
    maps = hdf5.encode_group(file.create_group("maps"), "maps")
    maps["umap"] = xy.astype(np.float32)
    for name, value in (("min_dist", 0.1), ("n_neighbors", 15), ("seed", 0)):
        maps["umap"].attrs[name] = value

    group = hdf5.encode_group(file.create_group("sae"), "sae")
    group.attrs["architecture"], group.attrs["k"], group.attrs["recipe"] = "topk", 16, "synthetic"
    group["decoder"] = decoder
    for modality in ("image", "text"):
        node = hdf5.encode_group(group.create_group(modality), "weights")
        node.attrs["architecture"], node.attrs["k"] = "topk", 16
        node["W_enc"], node["W_dec"] = decoder.T, decoder
        node["b_enc"], node["b_dec"] = np.zeros(f, np.float32), np.zeros(d_in, np.float32)
    streams = hdf5.encode_group(group.create_group("streams"), "streams")
    for name in ("image.patch", "image.pooled", "text.pooled", "text.token"):
        groups = len(plan.languages) if name.startswith("text") else 1
        node = hdf5.encode_group(streams.create_group(name), "standardisation")
        node["mean"] = np.zeros((groups, d_in), np.float32)
        node["scale"] = np.ones(groups, np.float32)


def write_languages(file: h5py.File, scores: Scores) -> None:
    """Write ``/by_language``, ``/by_pair`` and ``/language_similarity``."""
    plan, image, text = scores.plan, scores.image, scores.text
    tags = plan.languages
    fires = np.concatenate([image.fires, text.fires], 1)
    level = levels(fires, fires / plan.items)
    chance = np.where(fires > 0, plan.chance, np.nan)
    a, b = chance[:, :1], chance[:, 1:]
    values = {
        "jaccard": _jaccard(a, b),
        "text_given_image": b + 0 * a,
        "image_given_text": a + 0 * b,
        "phi": _jaccard(a, b) - 0.1,
    }
    group = hdf5.encode_group(file.create_group("by_language"), "language-table")
    group["level"], group["reach"] = level, reach(level[:, 1:], tags)
    entropy, relative = language_entropy(text.fires / plan.items)
    group["entropy"] = entropy.astype(np.float32)
    group["relative_entropy"] = relative.astype(np.float32)
    _pack(group, "specificity", language_specificity(text.total / plan.items))
    means = hdf5.encode_group(group.create_group("means"), "language-means")
    for name in _MEASURES:
        half = scores.uniform(0.02, 0.12, *b.shape)
        for end, own in (("value", 0), ("low", -half), ("high", half)):
            found = np.clip(values[name] + own, -1 if name == "phi" else 0, 1)
            _pack(group, f"{name}_{end}", found)
            if name != "phi":
                means[f"{name}_{end}"] = known_mean(found, 0).astype(np.float64)
        if name != "phi":
            means[f"{name}_features"] = np.isfinite(values[name]).sum(0)

    pairs = list(combinations(range(len(tags)), 2))
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    jaccard = _jaccard(b[:, left], b[:, right])
    _pack(group, "consistency", consistency_by_column(values["jaccard"], jaccard, pairs))
    group = hdf5.encode_group(file.create_group("by_pair"), "language-pairs")
    group["languages"] = np.array(pairs, np.int16).reshape(-1, 2)
    known = np.isfinite(jaccard)
    p = np.where(known, 10 ** -scores.rng.gamma(2, 3, jaccard.shape), 1)
    lower = np.where(known, np.minimum(b[:, left], b[:, right]) - 0.1, 0)
    _pack(group, "jaccard", jaccard)
    _pack(group, "p", p, np.float64)
    _pack(group, "lower", lower)
    script = [script_of_tag(tag) for tag in tags]
    within = np.array([script[i] == script[j] for i, j in pairs], bool)
    group["mean_jaccard"] = known_mean(jaccard).astype(np.float32)
    group["mean_within_script"] = known_mean(jaccard[:, within]).astype(np.float32)
    group["mean_between_scripts"] = known_mean(jaccard[:, ~within]).astype(np.float32)
    group["n_pairs"] = known.sum(1).astype(np.int32)
    group["n_consistent"] = (known & (p <= 0.05) & (lower >= 0.1)).sum(1).astype(np.int32)
    found = similarity(known_mean(values["jaccard"], 0), known_mean(jaccard, 0), pairs)
    group = hdf5.encode_group(file.create_group("language_similarity"), "language-similarity")
    group["matrix"], group["order"] = found.matrix, found.order


def _jaccard(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Jaccard index of two things that fire independently, with chances a and b."""
    return np.asarray(a * b / (a + b - a * b))


def _pack(group: h5py.Group, name: str, values: np.ndarray, kind: type = np.float32) -> None:
    """Write rows of features in chunks, as the language table of an atlas is written."""
    if not values.size:
        group[name] = values.astype(kind)
        return
    chunks = (min(len(values), max(1, (1 << 14) // values.shape[1])), values.shape[1])
    packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    group.create_dataset(name, data=values.astype(kind), chunks=chunks, **packed)


def write_bridge(file: h5py.File, scores: Scores) -> None:
    """Write ``/bridge``: a feature goes with itself, then with others of its cluster."""
    f = scores.plan.features
    group = hdf5.encode_group(file.create_group("bridge"), "bridge")
    summary = {"pairs": scores.plan.items, "diagonal": 0.4, "top_image": 0.5, "top_text": 0.5}
    group.attrs["json"] = json.dumps({**summary, "own_best": f // 2, "partnered": f})
    own = np.arange(f)
    kept = min(_PARTNERS, f)
    index = np.full((f, _PARTNERS), -1, np.int32)
    index[:, :kept] = (own[:, None] + np.arange(kept)) % f
    value = np.full((f, _PARTNERS), np.nan, np.float32)
    value[:, :kept] = -np.sort(-scores.uniform(0, 0.3, f, kept), axis=1)
    for side in ("image", "text"):
        node = hdf5.encode_group(group.create_group(side), "partners")
        node["index"], node["value"], node["z"] = index, value, value * 40
        node["mass"] = np.nansum(value, 1).astype(np.float32)
    both = (scores.image.fires[:, 0] > 0) & (scores.text.fires.sum(1) > 0)
    node = hdf5.encode_group(group.create_group("own"), "own")
    node["value"] = np.where(both, value[:, 0], np.nan)
    node["z"] = np.where(both, value[:, 0] * 40, np.nan)


def write_geometry(file: h5py.File, scores: Scores, d_in: int) -> None:
    """Write ``/geometry``."""
    f, alive = scores.plan.features, scores.alive
    group = hdf5.encode_group(file.create_group("geometry"), "geometry")
    tried = scores.rng.permutation(f)[:128]
    for name, low, high in (
        ("interference_max", 0.4, 0.7),
        ("interference_rms", 0.05, 0.2),
        ("linearity_image", 0, 1),
        ("linearity_text", 0, 1),
    ):
        column = np.where(alive, scores.uniform(low, high, f), np.nan).astype(np.float32)
        if name.startswith("linearity"):
            column[np.setdiff1d(np.arange(f), tried)] = np.nan
        group[name] = column
    streams = ("image.pooled", "text.pooled")
    node = hdf5.encode_group(group.create_group("neurons"), "neurons")
    hdf5.write_strings(node, "hook", ["joint", "joint"])
    hdf5.write_strings(node, "stream", streams)
    node["correlation"] = scores.uniform(-0.6, 0.6, f, 2)
    node["neuron"] = scores.rng.integers(0, d_in, (f, 2)).astype(np.int32)
    quartiles = {"known": f, "low": 0.5, "median": 0.6, "high": 0.7}
    by_tag = {**dict.fromkeys(scores.plan.languages, 0.4), "mean": 0.4}
    near = {"cknna": by_tag, "chance": by_tag, "units": by_tag}
    summary = {
        "superposition": {
            "alive": int(alive.sum()),
            "dimensions": d_in,
            "features_per_dimension": float(alive.sum()) / d_in,
            "effective_dimension": d_in / 2,
            "mean_square_cosine": 0.02,
            "random_mean_square_cosine": 1 / d_in,
            "largest_cosine": quartiles,
        },
        "linearity": {
            name: {"features": 128, "rows": 8, "dose_response": quartiles, "additivity": quartiles}
            for name in streams
        },
        "neurons": {name: {"weak": {"joint": 0.8}, "weak_elsewhere": None} for name in streams},
        "cknna": {
            "k": 10,
            "permutations": 20,
            **dict.fromkeys(("embedding", "reconstruction", "code"), near),
        },
    }
    group.attrs["json"] = json.dumps(summary)


def write_positions(file: h5py.File, scores: Scores) -> None:
    """Write ``/positions`` of patches and tokens."""
    plan, f = scores.plan, scores.plan.features
    parent = hdf5.encode_group(file.create_group("positions"), "positions")
    for name, fires, share in (
        ("image.patch", scores.image.fires, 21 / GRID**2),
        ("text.token", scores.text.fires, 3 / TOKENS),
    ):
        group = hdf5.encode_group(parent.create_group(name), "positions-stream")
        whole = (fires / plan.items).astype(np.float32)
        group["rate"], group["whole_rate"] = (whole * share).astype(np.float32), whole
        group["concentration"] = scores.uniform(0.1, 0.9, f)
        group["entropy"] = scores.uniform(0.2, 1, f)
        group["parts"] = scores.rng.dirichlet(np.ones(5), f).astype(np.float32)
        group["parts_base"] = np.full(5, 0.2, np.float32)
    mass = scores.uniform(0, 1, f, GRID, GRID) ** 4
    parent["image.patch"]["mass"] = (mass / mass.sum((1, 2), keepdims=True)).astype(np.float16)


def write_scores(file: h5py.File, scores: Scores) -> None:
    """Write ``/scores``: what the SAE as a whole keeps."""
    tags = scores.plan.languages

    def every(value: Callable[[int], float]) -> dict[str, float]:
        return {tag: value(at) for at, tag in enumerate(tags)}

    found = {
        "image.pooled": {"fvu": {"all": 0.2}, "l0": {"all": 16.0}, "dead": {"all": 0.02}},
        "text.pooled": {
            "fvu": every(lambda at: 0.2 + at / 200),
            "l0": every(lambda at: 16.0),
            "dead": every(lambda at: 0.02),
        },
    }
    group = hdf5.encode_group(file.create_group("scores"), "scores")
    group.attrs["json"] = json.dumps(found)
