"""Pictures inside tar shards, Parquet files and Arrow streams."""

from __future__ import annotations

import io
import os
import struct
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmfeat.corpus import packed
from mmfeat.corpus.packed import cell_reference, is_packed, moved, read_packed, tar_reference
from mmfeat.corpus.pictures import MAX_BYTES, PictureError, load_picture
from tests.unit.corpus.defects import encoded

CELL = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def picture(seed: int) -> bytes:
    return encoded(
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (4, 6, 3), np.uint8))
    )


def write_tar(path: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Write a shard; return each member's reference, its place found by searching the bytes."""
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    whole = path.read_bytes()
    return {
        name: tar_reference(path.name, whole.index(data), len(data)) for name, data in files.items()
    }


def write_cells(path: Path, cells: list[Any], kind: Any = CELL, rows: int = 50) -> Path:
    table = pa.table({"n": range(len(cells)), "the image/1@2": pa.array(cells, kind)})
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=rows)
    return path


def reference(path: Path, row: int, column: str = "the image/1@2") -> str:
    return cell_reference(
        "parquet" if path.suffix == ".parquet" else "arrow", path.name, row, column
    )


def reason(text: str, root: Path | None) -> str:
    with pytest.raises(PictureError) as error:
        load_picture(text, root)
    assert str(error.value) == f"{text} {error.value.reason}."
    return error.value.reason


def test_members_of_a_tar_are_read_where_they_lie(tmp_path: Path) -> None:
    long = "폴더/" + "x" * 150 + ".png"  # its name stands in a header of its own
    files = {"a.png": picture(1), long: picture(2), "b 1.png": picture(3)}
    places = write_tar(tmp_path / "s@1+2 é.tar", files)
    for name, place in reversed(places.items()):
        assert read_packed(place, tmp_path, place) == files[name]
    image = load_picture(places["a.png"], tmp_path)
    np.testing.assert_array_equal(
        np.asarray(image), np.random.default_rng(1).integers(0, 255, (4, 6, 3), np.uint8)
    )


def test_a_shard_that_is_gone_or_changed_is_noticed(tmp_path: Path) -> None:
    shard = tmp_path / "a.tar"
    # Of unlike sizes: what is as long and lies at the same place cannot be told apart.
    two = {"1.png": picture(1), "2.png": picture(2) + b"."}
    first, second = write_tar(shard, two).values()
    gone = "is no longer there in its archive; import the corpus again"
    write_tar(shard, {"0.png": picture(0) + b"longer", **two})
    assert reason(first, tmp_path) == gone and reason(second, tmp_path) == gone
    shard.write_bytes(b"")
    assert reason(first, tmp_path) == gone
    shard.unlink()
    assert reason(first, tmp_path) == "is missing; check the path"
    shard.mkdir()
    assert reason(first, tmp_path) == "is not a file; check the path"
    assert reason(first, None).startswith("has no folder to be found in")


def test_numbers_of_a_tar_reference_are_checked(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"1.png": picture(1)})
    size = (tmp_path / "a.tar").stat().st_size
    gone = "is no longer there in its archive; import the corpus again"
    for offset, length in [
        (0, 5),
        (511, 5),
        (512, 5),
        (1024, 8),
        (size, 0),
        (size - 1, 2),
        (10**14, 5),
    ]:
        assert reason(f"tar://a.tar@{offset}+{length}", tmp_path) == gone
    assert (
        reason(f"tar://a.tar@512+{MAX_BYTES + 1}", tmp_path)
        == "has more than 256 MiB; make it smaller"
    )


@pytest.mark.parametrize(
    "text",
    [
        "tar://",
        "tar://a.tar",
        "tar://a.tar@512",
        "tar://a.tar@-1+5",
        "tar://a.tar@512+5x",
        "tar://a.tar@١+٢",
        f"tar://a.tar@{10**15}+1",
        "parquet://a.parquet@1",
        "parquet://a.parquet@1/",
        "arrow://a.arrow@x/image",
        "arrow://@1/image",
    ],
)
def test_references_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    write_tar(tmp_path / "a.tar", {"1.png": picture(1)})
    assert reason(text, tmp_path).startswith("is no place in an archive")


def test_no_archive_outside_the_root_is_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (place,) = write_tar(tmp_path / "a.tar", {"1.png": picture(1)}).values()
    cells = write_cells(tmp_path / "a.parquet", [picture(1)], pa.binary())
    where = place.removeprefix("tar://a.tar")
    (root / "link.tar").symlink_to(tmp_path / "a.tar")
    (root / "link.parquet").symlink_to(cells)
    for text in (
        f"tar://../a.tar{where}",
        f"tar://{tmp_path}/a.tar{where}",
        f"tar://x/../../a.tar{where}",
        f"tar://C:\\a.tar{where}",
        f"tar://link.tar{where}",
        "parquet://../a.parquet@0/image",
        "parquet://link.parquet@0/image",
    ):
        assert reason(text, root) == "lies outside the corpus's folder; move it inside"


def test_a_path_that_begins_like_a_reference_is_a_path(tmp_path: Path) -> None:
    image = Image.new("RGB", (3, 2), "red")
    (tmp_path / "tar:").mkdir()
    write_tar(tmp_path / "a.tar", {"1.png": picture(1)})
    for path in ("tar:a.tar@512+5", "parquet:a.parquet@0/x", "tar:/a.tar@512+5", "arrow:"):
        assert not is_packed(PurePosixPath(path).as_posix())
        (tmp_path / path).parent.mkdir(exist_ok=True)
        image.save(tmp_path / path, "PNG")
        assert load_picture(path, tmp_path).size == (3, 2)
    # What pathlib makes of such a text is a path too.
    assert not is_packed(PurePosixPath("tar://a.tar@512+5").as_posix())


def test_references_move_with_their_folder() -> None:
    folder = PurePosixPath("a/b")
    assert moved("x/y.png", folder) == "a/b/x/y.png"
    assert moved("tar://x/y.tar@1+2", folder) == "tar://a/b/x/y.tar@1+2"
    assert moved("arrow://y.arrow@1/i", folder) == "arrow://a/b/y.arrow@1/i"
    assert moved("openmoji:1F947.svg", folder) == "openmoji:1F947.svg"
    assert moved("tar://y.tar@1+2", PurePosixPath()) == "tar://y.tar@1+2"


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("rows", [7, 50, 1000])
def test_cells_are_the_same_in_any_order_and_by_any_thread(
    tmp_path: Path, form: str, rows: int
) -> None:
    data = [f"{row} ".encode() * (1 + row % 5) for row in range(300)]
    cells = [{"bytes": part, "path": f"{row}.jpg"} for row, part in enumerate(data)]
    path = write_cells(tmp_path / f"a.{form}", cells, rows=rows)

    def read(row: int) -> bytes:
        return read_packed(reference(path, row), tmp_path, "x")

    assert [read(row) for row in range(300)] == data
    shuffled = Random(0).sample(range(300), 300)
    assert [read(row) for row in shuffled] == [data[row] for row in shuffled]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(300))) == data
        assert list(pool.map(read, shuffled)) == [data[row] for row in shuffled]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string(), CELL])
def test_a_cell_is_bytes_or_names_a_file_beside_its_archive(
    tmp_path: Path, form: str, kind: pa.DataType
) -> None:
    folder = tmp_path / "in" / "더"
    folder.mkdir(parents=True)
    (folder / "own.png").write_bytes(picture(2))
    (tmp_path / "own.png").write_bytes(picture(3))
    cells: list[Any] = [picture(1), None]
    if kind == pa.string():
        cells = ["own.png", "../own.png", "/etc/passwd", "tar://own.png@1+1", None, ""]
    if kind == CELL:
        paths = ["x.png", "own.png", "/etc/passwd", "../../own.png", "none.png", None]
        cells = [{"bytes": None, "path": path} for path in paths]
        cells = [{"bytes": picture(1), "path": "../x"}, *cells, None]
    path = write_cells(folder / f"a.{form}", cells, kind)
    name = path.relative_to(tmp_path).as_posix()
    found: list[Any] = []
    for row in range(len(cells)):
        try:
            place = cell_reference(form, name, row, "the image/1@2")
            found.append(read_packed(place, tmp_path, place))
        except PictureError as error:
            found.append(error.reason.split(";")[0])
    nothing, outside = "is not in its cell", "lies outside the corpus's folder"
    if kind == pa.string():
        assert found == [picture(2), outside, outside, "is missing", nothing, nothing]
    elif kind == CELL:
        own = [picture(1), "is missing", picture(2), outside, outside, "is missing"]
        assert found == [*own, nothing, nothing]
    else:
        assert found == [picture(1), nothing]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_cells_that_are_not_there_and_files_that_changed(tmp_path: Path, form: str) -> None:
    path = write_cells(tmp_path / f"a.{form}", [b"1", b"22", b"333"], pa.binary(), rows=2)
    gone = "is no longer there in its archive; import the corpus again"
    assert read_packed(reference(path, 2), tmp_path, "x") == b"333"
    for text in (reference(path, 3), reference(path, 10**14), reference(path, 0, "image")):
        assert reason(text, tmp_path) == gone
    assert reason(reference(path, 0, "n"), tmp_path).startswith("is not held as bytes")
    assert read_packed(reference(path, 1), tmp_path, "x") == b"22"
    path.unlink()
    write_cells(path, [b"one", b"two"], pa.binary())
    assert read_packed(reference(path, 1), tmp_path, "x") == b"two"
    assert reason(reference(path, 2), tmp_path) == gone
    path.unlink()
    path.write_bytes(b"<html>404</html>" * 9)
    assert reason(reference(path, 1), tmp_path).startswith("cannot be read from its archive")
    path.unlink()
    assert reason(reference(path, 1), tmp_path) == "is missing; check the path"


def test_a_cell_larger_than_a_picture_may_be_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_cells(tmp_path / "a.arrow", [bytes(1001), bytes(1000)], pa.binary())
    monkeypatch.setattr(packed, "MAX_BYTES", 1000)
    assert reason(reference(path, 0), tmp_path).startswith("has more than")
    assert read_packed(reference(path, 1), tmp_path, "x") == bytes(1000)


@pytest.mark.parametrize("kind", [pa.binary(), CELL])
def test_arrow_files_that_point_outside_of_themselves_are_refused(
    tmp_path: Path, kind: pa.DataType
) -> None:
    cells = [b"abcdefgh" * 4] * 3
    whole: list[Any] = [{"bytes": cell, "path": "p"} for cell in cells] if kind == CELL else cells
    path = write_cells(tmp_path / "a.arrow", whole, kind)
    data = path.read_bytes()
    offsets = struct.pack("<4i", 0, 32, 64, 96)
    assert data.count(offsets) == 1
    for wrong in ((0, 1 << 30, 64, 96), (0, -5, 64, 96), (0, 32, 64, 1 << 30), (-8, 32, 64, 96)):
        path.write_bytes(data.replace(offsets, struct.pack("<4i", *wrong)))
        os.utime(path, ns=(0, wrong[0] + wrong[1] + wrong[3]))
        for row in range(3):
            assert reason(reference(path, row), tmp_path).startswith("cannot be read from")


@pytest.mark.parametrize("form", ["parquet", "arrow", "tar"])
def test_garbled_archives_give_pictures_or_a_sentence(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    if form == "tar":
        places = list(write_tar(path, {f"{n}.png": picture(n) for n in range(4)}).values())
    else:
        write_cells(path, [{"bytes": picture(n), "path": "p"} for n in range(4)], rows=2)
        places = [reference(path, n) for n in range(4)]
    data = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for turn in range(60):
        broken = bytearray(data[: len(data) - turn % 3 * 100])
        for place in generator.integers(0, len(broken), 1 + turn % 12):
            broken[place] = generator.integers(256)
        path.write_bytes(broken)
        os.utime(path, ns=(0, turn))
        for place in places:
            try:
                assert load_picture(place, tmp_path).mode == "RGB"
            except PictureError:
                refused += 1
    assert refused > 20


def test_open_files_are_few(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    paths = [write_cells(tmp_path / f"{n}.parquet", [b"x"], pa.binary()) for n in range(30)]
    before = descriptors()
    for path in paths * 2:
        assert read_packed(reference(path, 0), tmp_path, "x") == b"x"
    assert descriptors() <= before + 6


def test_reading_in_order_decodes_a_row_group_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_cells(tmp_path / "a.parquet", [b"x"] * 400, pa.binary(), rows=100)
    starts: list[int] = []
    original = packed._Cells._parquet_from

    def counted(self: Any, row: int) -> Any:
        starts.append(row)
        return original(self, row)

    monkeypatch.setattr(packed._Cells, "_parquet_from", counted)
    for row in range(0, 400, 2):  # every second row, a little out of order
        for near in (row + 1, max(0, row - 15)):
            assert read_packed(reference(path, near), tmp_path, "x") == b"x"
    assert starts == [1, 101, 201, 301]
