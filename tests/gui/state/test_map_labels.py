from __future__ import annotations

from collections import Counter

import numpy as np

from mmfeat.figures.grid import Grid
from mmfeat_gui.state.map_labels import Clusters, cluster_names, placed

SIZE = (800, 600)


def blobs() -> tuple[np.ndarray, list[str]]:
    """Return three crowds of places with names, and what is scattered between without."""
    rng = np.random.default_rng(0)
    middles = {"dog": (-5.0, 0.0), "گربه": (5.0, 0.0), "꽃": (0.0, 6.0)}
    places, names = [], []
    for name, middle in middles.items():
        places.append(rng.normal(size=(200, 2)) * 0.2 + middle)
        names += [name] * 120 + [f"{name} {at}" for at in range(80)]
    places.append(rng.uniform(-8, 8, (100, 2)))
    names += [""] * 100
    return np.concatenate(places).astype(np.float32), names


def view_of(xy: np.ndarray) -> tuple[float, float, float, float]:
    return (-9.0, -6.75 + 2, 9.0, 6.75 + 2)


def test_crowds_are_named_after_most_of_their_points() -> None:
    xy, names = blobs()
    found = cluster_names(Grid(xy), names)
    first = found.level == 0
    assert set(np.array(found.names)[first]) == {"dog", "گربه", "꽃"}
    for at in np.flatnonzero(first).tolist():
        own = [i for i, name in enumerate(names) if name == found.names[at]]
        np.testing.assert_allclose(found.xy[at], xy[own].mean(axis=0), atol=0.05)
        assert found.count[at] == 200


def test_every_cluster_bears_the_commonest_name_around_it() -> None:
    xy, names = blobs()
    found = cluster_names(Grid(xy), names)
    for at in range(len(found.names)):
        reach = 1.5 * found.extent / (16 << int(found.level[at]))
        near = np.abs(xy - found.xy[at]).max(axis=1) <= 2 * reach
        counted = Counter(names[i] for i in np.flatnonzero(near) if names[i])
        assert found.names[at] in counted
        assert found.count[at] >= 3
    assert (np.diff(found.level) >= 0).all()


def test_names_without_points_and_points_without_names_make_no_clusters() -> None:
    xy, names = blobs()
    assert cluster_names(Grid(xy), [""] * len(xy)).names == ()
    assert cluster_names(Grid(np.zeros((0, 2))), []).names == ()
    nowhere = cluster_names(Grid(np.full((len(xy), 2), np.nan)), names)
    assert nowhere.names == ()


def test_a_name_keeps_its_language() -> None:
    xy, names = blobs()
    languages = ["fa" if name.startswith("گ") else "en" for name in names]
    found = cluster_names(Grid(xy), names, languages)
    assert all(
        language == ("fa" if name.startswith("گ") else "en")
        for name, language in zip(found.names, found.languages, strict=True)
    )


def _measure(found: Clusters) -> dict[int, tuple[float, float]]:
    return {at: (12.0 * len(name) + 8, 18.0) for at, name in enumerate(found.names)}


def test_no_name_lies_over_another_and_none_leaves_the_canvas() -> None:
    rng = np.random.default_rng(4)
    xy = rng.normal(size=(20_000, 2)).astype(np.float32)
    found = cluster_names(Grid(xy), [f"name {at % 700}" for at in range(len(xy))])
    sizes = _measure(found)
    for half in (4.0, 1.0, 0.1):
        boxes = [
            box for _, box in placed(found, (-half, -half, half, half), SIZE, sizes.__getitem__)
        ]
        assert boxes
        for at, (left, top, right, bottom) in enumerate(boxes):
            assert left >= 0 and top >= 0 and right <= SIZE[0] and bottom <= SIZE[1]
            for x0, y0, x1, y1 in boxes[:at]:
                assert right <= x0 or x1 <= left or bottom <= y0 or y1 <= top


def test_names_thin_out_the_farther_the_map_is() -> None:
    rng = np.random.default_rng(6)
    xy = rng.uniform(-1, 1, (30_000, 2)).astype(np.float32)
    found = cluster_names(Grid(xy), [f"n{at}" for at in range(len(xy))])
    measure = _measure(found).__getitem__
    far = {at for at, _ in placed(found, (-8.0, -6.0, 8.0, 6.0), SIZE, measure)}
    near = {at for at, _ in placed(found, (-0.2, -0.15, 0.2, 0.15), SIZE, measure)}
    assert found.level[list(far)].max() == 0
    assert found.level[list(near)].max() >= 2
    inside = (np.abs(found.xy) <= [0.2, 0.15]).all(axis=1)
    assert inside[list(near)].all()


def test_a_name_is_not_said_twice_side_by_side() -> None:
    xy, names = blobs()
    found = cluster_names(Grid(xy), [name.split(" ")[0] for name in names])
    shown = placed(found, view_of(xy), SIZE, _measure(found).__getitem__)
    for name in ("dog", "گربه", "꽃"):
        assert sum(found.names[at] == name for at, _ in shown) == 1
