"""Atlases that a stranger may send: ways to spoil a good one, and what must come of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from tests.gui.bombs import CONTROLS, MARKUP, OVERRIDES, PICTURES, TEXTS, VERY_LONG

REFUSED: Literal["refused"] = "refused"  # the atlas is not opened, and a sentence says why
OPENED: Literal["opened"] = "opened"  # it is, and its pages are shown as far as they go
EITHER: Literal["either"] = "either"  # one of both


@dataclass(frozen=True)
class Case:
    """A hostile atlas.

    Attributes
    ----------
    name : str
    spoil : callable (Path)
        Changes a copy of a good atlas in place.
    outcome : str
        `REFUSED`, `OPENED` or `EITHER`.
    """

    name: str
    spoil: Callable[[Path], None]
    outcome: str


CASES: list[Case] = []


def _case(outcome: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def add(spoil: Callable[[Path], None]) -> Callable[[Path], None]:
        CASES.append(Case(spoil.__name__.replace("_", " "), spoil, outcome))
        return spoil

    return add


def _inside(outcome: str) -> Callable[[Callable[[h5py.File], None]], Callable[[h5py.File], None]]:
    """Add a case that changes what is in the file."""

    def add(change: Callable[[h5py.File], None]) -> Callable[[h5py.File], None]:
        def spoil(path: Path) -> None:
            with h5py.File(path, "r+") as file:
                change(file)

        CASES.append(Case(change.__name__.replace("_", " "), spoil, outcome))
        return change

    return add


def _put(file: h5py.File, name: str, data: Any, **options: Any) -> None:
    """Put something else in the place of a dataset or group."""
    del file[name]
    file.create_dataset(name, data=data, **options)


# The file ---------------------------------------------------------------------------------


@_case(REFUSED)
def an_empty_file(path: Path) -> None:
    path.write_bytes(b"")


@_case(REFUSED)
def a_text(path: Path) -> None:
    path.write_text("not HDF5\n" * 1000)


@_case(REFUSED)
def a_signature_and_noughts(path: Path) -> None:
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(4096))


@_case(REFUSED)
def half_of_it(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@_case(REFUSED)
def its_last_byte_missing(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


@_case(REFUSED)
def a_folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


@_case(REFUSED)
def a_pipe_that_nobody_writes_to(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@_case(REFUSED)
def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@_case(REFUSED)
def a_device_without_an_end(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _scrambled(seed: int) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        rng = np.random.default_rng(seed)
        data = bytearray(path.read_bytes())
        for at in rng.integers(8, len(data), 200).tolist():
            data[at] = int(rng.integers(256))
        path.write_bytes(data)

    return spoil


for _seed in range(4):
    CASES.append(Case(f"scrambled bytes {_seed}", _scrambled(_seed), EITHER))


# What it says of itself ---------------------------------------------------------------------


@_inside(REFUSED)
def another_kind(file: h5py.File) -> None:
    file.attrs["encoding-type"] = "mmfeat-corpus"


@_inside(REFUSED)
def a_newer_version(file: h5py.File) -> None:
    file.attrs["encoding-version"] = "7.0"


@_inside(REFUSED)
def minus_one_features(file: h5py.File) -> None:
    file.attrs["d_sae"] = -1


@_inside(REFUSED)
def more_features_than_atoms(file: h5py.File) -> None:
    file.attrs["d_sae"] = 2**62


@_inside(REFUSED)
def a_number_of_features_in_words(file: h5py.File) -> None:
    file.attrs["d_sae"] = "many"


@_inside(REFUSED)
def provenance_nested_without_end(file: h5py.File) -> None:
    file.attrs["provenance"] = "[" * 60_000


@_inside(REFUSED)
def provenance_that_is_no_json(file: h5py.File) -> None:
    file.attrs["provenance"] = "\x01{"


@_inside(OPENED)
def a_name_full_of_controls(file: h5py.File) -> None:
    file.attrs["name"] = (CONTROLS + OVERRIDES + MARKUP).replace("\x00", "")
    file.attrs["attribution"] = MARKUP + CONTROLS
    file.attrs["backbone"] = OVERRIDES


@_inside(OPENED)
def a_name_as_long_as_a_book(file: h5py.File) -> None:
    for key in ("name", "attribution", "backbone", "hook"):
        file.attrs[key] = VERY_LONG[:60_000]


@_inside(EITHER)
def facts_of_its_sae_that_are_arrays(file: h5py.File) -> None:
    file["sae"].attrs["architecture"] = np.arange(1000)
    file["sae"].attrs["k"] = MARKUP * 50


# Languages ------------------------------------------------------------------------------------


@_inside(REFUSED)
def a_million_languages(file: h5py.File) -> None:
    tags = np.array([f"en-x-{number:07d}" for number in range(1_000_000)], object)
    _put(file, "languages", tags, dtype=h5py.string_dtype())


@_inside(REFUSED)
def sixty_thousand_languages(file: h5py.File) -> None:
    tags = np.array([f"en-x-{number:05d}" for number in range(60_000)], object)
    _put(file, "languages", tags, dtype=h5py.string_dtype())


@_inside(REFUSED)
def languages_that_are_none(file: h5py.File) -> None:
    _put(file, "languages", np.array([CONTROLS, OVERRIDES], object), dtype=h5py.string_dtype())


@_inside(REFUSED)
def one_language_twice(file: h5py.File) -> None:
    _put(file, "languages", np.array(["en", "EN"], object), dtype=h5py.string_dtype())


# Types and shapes -----------------------------------------------------------------------------

_NUMBERS = ("maps/umap", "features/energy_image", "codes/image.pooled/by_row/data", "names/score")
_REPLACED: dict[str, Any] = {
    "texts": np.array(["a", "b"], object),
    "a scalar": 7,
    "nothing": h5py.Empty("f4"),
    "a compound": np.zeros(4, [("a", "f4"), ("b", "i2")]),
    "dates": np.zeros(4, "V8"),
}


def _replaced(name: str, data: Any) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        texts = isinstance(data, np.ndarray) and data.dtype.kind == "O"
        options = {"dtype": h5py.string_dtype()} if texts else {}
        with h5py.File(path, "r+") as file:
            _put(file, name, data, **options)

    return spoil


for _name in _NUMBERS:
    for _what, _data in _REPLACED.items():
        CASES.append(Case(f"{_what} for {_name}", _replaced(_name, _data), EITHER))


def _removed(name: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            del file[name]

    return spoil


for _name in ("items", "captions", "codes", "names", "features", "languages", "neighbours"):
    CASES.append(Case(f"without {_name}", _removed(_name), REFUSED))
for _name in ("sae", "bridge", "by_language", "concepts", "geometry", "positions", "examples"):
    CASES.append(Case(f"without {_name}", _removed(_name), EITHER))
CASES.append(Case("without thumbnails", _removed("thumbnails"), OPENED))
CASES.append(Case("without a map", _removed("maps/umap"), OPENED))


@_inside(EITHER)
def a_map_of_many_dimensions(file: h5py.File) -> None:
    _put(file, "maps/umap", np.zeros((file.attrs["d_sae"], 1000), np.float32))


@_inside(REFUSED)
def a_score_larger_than_the_disk(file: h5py.File) -> None:
    file["features"].create_dataset("extra", (2**45,), np.float64, chunks=(2**16,))


@_inside(REFUSED)
def texts_for_names_that_are_numbers(file: h5py.File) -> None:
    _put(file, "names/text", np.zeros(file["names/text"].shape, np.float32))


@_inside(REFUSED)
def fewer_names_than_features(file: h5py.File) -> None:
    _put(file, "names/text", file["names/text"][:3], dtype=h5py.string_dtype())


# Links and bombs ------------------------------------------------------------------------------


@_inside(EITHER)
def groups_that_hold_each_other(file: h5py.File) -> None:
    file["features/loop"] = file["features"]
    file["codes/again"] = file["/"]
    file["maps/loop"] = h5py.SoftLink("/maps/loop")
    file["items/attributes/loop"] = file["items"]


@_inside(REFUSED)
def scores_of_another_file(file: h5py.File) -> None:
    del file["features/energy_image"]
    file["features/energy_image"] = h5py.ExternalLink("/etc/passwd", "/energy")


@_inside(REFUSED)
def names_in_a_file_that_is_not_there(file: h5py.File) -> None:
    del file["names"]
    file["names"] = h5py.ExternalLink("/nowhere/at/all.h5", "/names")


@_case(REFUSED)
def scores_in_a_pipe_that_nobody_writes_to(path: Path) -> None:
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    with h5py.File(path, "r+") as file:
        del file["features/energy_image"]
        file["features/energy_image"] = h5py.ExternalLink(str(pipe), "/energy")


@_inside(REFUSED)
def numbers_taken_from_the_passwords(file: h5py.File) -> None:
    size = file["features/energy_image"].shape[0]
    del file["features/energy_image"]
    file["features"].create_dataset(
        "energy_image", (size,), np.float32, external=[("/etc/passwd", 0, 4 * size)]
    )


@_inside(REFUSED)
def a_virtual_dataset(file: h5py.File) -> None:
    size = file["features/energy_image"].shape[0]
    del file["features/energy_image"]
    layout = h5py.VirtualLayout((size,), np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (size,))
    file["features"].create_virtual_dataset("energy_image", layout)


@_inside(REFUSED)
def a_bomb_of_noughts(file: h5py.File) -> None:
    """Four gigabytes that pack into some megabytes, over the limit of what is believed."""
    data = file["codes/image.pooled/by_row"]
    del data["data"]
    packed = {"compression": "gzip", "shuffle": True, "chunks": (1 << 22,)}
    data.create_dataset("data", (1 << 31,), np.float16, **packed)
    data["data"][: 1 << 22] = 0


@_inside(EITHER)
def a_bomb_below_the_limit(file: h5py.File) -> None:
    """Sixty megabytes of noughts a dataset, in kilobytes, wherever the shape is free."""
    count = 15 << 20
    packed = {"compression": "gzip", "shuffle": True, "chunks": (1 << 20,)}
    for name, kind in (("feature", np.int32), ("confidence", np.float32)):
        del file[f"names/explanations/{name}"]
        file["names/explanations"].create_dataset(name, (count,), kind, **packed)


# Pictures -------------------------------------------------------------------------------------


def _all_pictures(data: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            pictures = file["thumbnails/image"]
            for index in range(0, len(pictures), 1 if len(data) < 1 << 20 else 16):
                pictures[index] = np.frombuffer(data, np.uint8)

    return spoil


for _name, _bytes in PICTURES.items():
    CASES.append(Case(_name, _all_pictures(_bytes), OPENED))


# Texts ----------------------------------------------------------------------------------------


def _all_texts(text: str | bytes) -> Callable[[Path], None]:
    """Put one text in place of the names of the first features and all captions of an item."""

    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            names, captions = file["names/text"], file["captions/text"]
            names[:4] = np.full(names[:4].shape, text, object)
            captions[:64] = np.full(min(64, len(captions)), text, object)
            file["items/item_id"][0] = text
            file["items/concept"][0] = text
            file["items/attributes/group"][:] = np.full(len(file["items/item_id"]), text, object)
            file["names/candidates/text"][:8] = np.full(8, text, object)

    return spoil


for _name, _text in TEXTS.items():
    CASES.append(Case(f"{_name} for texts", _all_texts(_text), OPENED))


# Numbers --------------------------------------------------------------------------------------


def _all_numbers(kinds: str, value: float) -> Callable[[Path], None]:
    """Put one number, as near as a type has it, in place of all of some kinds."""

    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:

            def fill(name: str, node: h5py.Dataset | h5py.Group) -> None:
                if isinstance(node, h5py.Dataset) and node.dtype.kind in kinds and node.size:
                    limits = np.finfo if node.dtype.kind == "f" else np.iinfo
                    least, most = limits(node.dtype).min, limits(node.dtype).max
                    own = min(max(value, least), most) if np.isfinite(value) else value
                    node[...] = np.full(node.shape, own, node.dtype)

            file.visititems(fill)

    return spoil


for _name, _value in (
    ("NaN", np.nan),
    ("infinity", np.inf),
    ("minus infinity", -np.inf),
    ("the largest number", 3e38),
    ("minus one", -1.0),
):
    CASES.append(Case(f"{_name} everywhere", _all_numbers("f", _value), EITHER))
for _number in (-1, -100, 32_000, 2**63 - 1):
    CASES.append(Case(f"{_number} for every integer", _all_numbers("iu", _number), EITHER))


@_inside(OPENED)
def a_map_of_infinities(file: h5py.File) -> None:
    xy = file["maps/umap"][()]
    xy[::3], xy[1::3] = np.inf, 1e38
    file["maps/umap"][...] = xy


@_inside(OPENED)
def examples_beyond_the_last_row(file: h5py.File) -> None:
    for name in ("image.pooled/top", "text.pooled/top", "image.pooled/bands"):
        file[f"examples/{name}"][...] = 2**31 - 1


@_inside(OPENED)
def patches_outside_their_grid(file: h5py.File) -> None:
    file["codes/image.patch"].attrs["grid"] = (-3, 2**31 - 1)


@_inside(OPENED)
def tokens_outside_their_text(file: h5py.File) -> None:
    file["codes/text.token/rows/end"][...] = 2**31 - 1
