"""Corpora joined into one."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from mmfeat.corpus import joined, openmoji
from mmfeat.corpus.file import Corpus, open_corpus, validate_corpus, write_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow
from mmfeat.corpus.packed import tar_reference
from mmfeat.errors import MmfeatError
from tests.unit.corpus.growth import linux, peak


def make(path: Path, rows: Iterable[ItemRow], root: Path | None = None, about: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_corpus(
        path, rows, name=path.stem, attribution=about, image_root=root, provenance="{}", seed=0
    )
    return path


def picture(path: Path, colour: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 7), colour).save(path)


def contents(corpus: Corpus) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [(row.item_id, row.captions) for row in corpus.rows()]


@pytest.fixture
def corpora(tmp_path: Path) -> list[Path]:
    """Two corpora with folders of their own: one picture in both, one id for two pictures."""
    one, two = tmp_path / "data" / "one" / "pictures", tmp_path / "data" / "two" / "사진 files"
    for name, colour in (("red.png", "red"), ("green.png", "green")):
        picture(one / name, colour)
    for name, colour in (("rot.bmp", "red"), ("blau.bmp", "blue"), ("new.bmp", "black")):
        picture(two / name, colour)
    first = [
        ItemRow("1", "red.png", (("en", "red"), ("en", "red"), ("de", "rot")), "c", "train"),
        ItemRow("2", "green.png", (("en", "green"),), split="test", attributes={"from": "one"}),
        ItemRow("t", "", (("en", "only text"),)),
    ]
    second = [
        ItemRow("2v", "blau.bmp", (("ko", "변종"),), "2"),
        ItemRow("2", "blau.bmp", (("ko", "파랑"),), attributes={"from": "two"}),
        ItemRow(
            "1", "rot.bmp", (("en", "red"), ("ko", "빨강")), "other", "test", {"size": "small"}
        ),
        ItemRow("t", "", (("en", "only text"),)),
        ItemRow("new", "new.bmp", (("ko", "새"),), "c", split="test"),
    ]
    return [
        make(tmp_path / "h5" / "first.h5", first, one, "Pictures: A."),
        make(tmp_path / "h5" / "second.h5", second, two, "Pictures: B."),
    ]


def test_items_with_the_same_picture_are_merged_and_others_renamed(
    tmp_path: Path, corpora: list[Path]
) -> None:
    out = tmp_path / "out" / "c.h5"
    summary = import_corpus("corpus", corpora, out)
    assert summary.skipped == {} and validate_corpus(out)["valid"] is True
    with open_corpus(out) as corpus:
        assert contents(corpus) == [
            ("1", (("en", "red"), ("en", "red"), ("de", "rot"), ("ko", "빨강"))),
            ("2", (("en", "green"),)),
            ("t", (("en", "only text"),)),
            ("2v", (("ko", "변종"),)),
            ("second/2", (("ko", "파랑"),)),
            ("second/t", (("en", "only text"),)),
            ("new", (("ko", "새"),)),
        ]
        assert corpus.concept == ["c", "2", "t", "second/2", "second/2", "second/t", "c"]
        assert corpus.split[0] == corpus.split[6] == "train" and corpus.split[1] == "test"
        assert corpus.split[3] == corpus.split[4]
        assert corpus.attributes == {
            "from": ["", "one", "", "", "two", "", ""],
            "size": ["small", "", "", "", "", "", ""],
        }
        assert corpus.name == "first" and corpus.attribution == "Pictures: A. Pictures: B."
        assert corpus.image_root == (tmp_path / "data").resolve()
        colours = [corpus.image(index).getpixel((3, 3)) for index in (0, 1, 4, 6)]
        assert colours == [(255, 0, 0), (0, 128, 0), (0, 0, 255), (0, 0, 0)]


def test_one_corpus_joined_with_itself_or_nothing_is_the_same(
    tmp_path: Path, corpora: list[Path]
) -> None:
    out = tmp_path / "c.h5"
    import_corpus("corpus", corpora[:1], out)
    with open_corpus(out) as corpus, open_corpus(corpora[0]) as before:
        assert contents(corpus) == contents(before)
        assert (corpus.concept, corpus.split) == (before.concept, before.split)
        assert (corpus.picture, corpus.attributes) == (before.picture, before.attributes)
    import_corpus("corpus", [corpora[0], corpora[0]], out)
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["1", "2", "t", "first/t"]
        assert contents(corpus)[0][1] == (("en", "red"), ("en", "red"), ("de", "rot"))


def test_a_joined_corpus_can_be_joined_again(tmp_path: Path, corpora: list[Path]) -> None:
    third = make(tmp_path / "third" / "second.h5", [ItemRow("t", "", (("fr", "texte"),))])
    out = tmp_path / "c.h5"
    import_corpus("corpus", [*corpora, third], out)
    with open_corpus(out) as corpus:
        assert corpus.item_id[-1] == "second/second/t"
    again = tmp_path / "again.h5"
    import_corpus("corpus", [out], again)
    with open_corpus(out) as corpus, open_corpus(again) as copy:
        assert contents(corpus) == contents(copy) and corpus.split == copy.split


def test_bundled_pictures_are_kept_by_reference(tmp_path: Path, corpora: list[Path]) -> None:
    rows = [row for row, _ in zip(openmoji.rows(), range(3), strict=False)]
    emoji = make(
        tmp_path / "emoji.h5", [r for r in rows if isinstance(r, ItemRow)], None, "OpenMoji"
    )
    assert joined.image_root([emoji], ImportOptions()) is None
    out = tmp_path / "c.h5"
    summary = import_corpus("corpus", [emoji, corpora[0]], out)
    assert summary.pictures == 5
    with open_corpus(out) as corpus, open_corpus(emoji) as before:
        assert corpus.image_root == (tmp_path / "data" / "one" / "pictures").resolve()
        assert corpus.picture[:3] == before.picture and corpus.image(0, 50).size == (50, 50)
        assert corpus.image(3).getpixel((3, 3)) == (255, 0, 0)
        assert corpus.attributes["group"][:3] == before.attributes["group"]
        assert corpus.attribution == "OpenMoji Pictures: A."


def test_pictures_within_archives_are_found_from_the_common_folder(
    tmp_path: Path, corpora: list[Path]
) -> None:
    shard = tmp_path / "data" / "shards" / "000.tar"
    shard.parent.mkdir()
    with tarfile.open(shard, "w") as tar:
        tar.add(tmp_path / "data" / "one" / "pictures" / "green.png", "0001.png")
    with tarfile.open(shard) as tar:
        offset = tar.getmember("0001.png").offset_data
    size = (tmp_path / "data" / "one" / "pictures" / "green.png").stat().st_size
    row = ItemRow("0001", tar_reference("000.tar", offset, size), (("en", "green"),))
    packed = make(tmp_path / "packed.h5", [row], shard.parent)
    out = tmp_path / "c.h5"
    assert import_corpus("corpus", [packed, *corpora], out).skipped == {}
    with open_corpus(out) as corpus:
        assert corpus.image_root == (tmp_path / "data").resolve()
        assert corpus.item_id[0] == "0001" and corpus.image(0).getpixel((3, 3)) == (0, 128, 0)
        assert corpus.image(1).getpixel((3, 3)) == (255, 0, 0)


def test_a_picture_that_is_gone_is_skipped_and_said(tmp_path: Path, corpora: list[Path]) -> None:
    (tmp_path / "data" / "two" / "사진 files" / "new.bmp").unlink()
    summary = import_corpus("corpus", corpora, tmp_path / "c.h5")
    assert summary.items == 6
    assert summary.skipped == {"the picture is missing; check the path": 1}


def test_what_is_no_corpus_is_refused(tmp_path: Path, corpora: list[Path]) -> None:
    other = tmp_path / "t.csv"
    other.write_text("id\n1\n")
    with pytest.raises(MmfeatError, match="not a readable HDF5 file"):
        import_corpus("corpus", [corpora[0], other], tmp_path / "c.h5")
    with pytest.raises(MmfeatError, match="does not take --language"):
        import_corpus("corpus", corpora, tmp_path / "c.h5", ImportOptions(language="en"))


_MEASURE = """
import re, sys
from pathlib import Path
from mmfeat.corpus import joined
from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.model import ImportOptions
if sys.argv[1] == "join":
    items = sum(1 for _ in joined.read([Path(sys.argv[2])] * 2, ImportOptions())) // 2
else:
    with open_corpus(Path(sys.argv[2])) as corpus:
        items = corpus.info()["items"]
status = Path("/proc/self/status").read_text()
print(items, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


@linux
def test_memory_does_not_grow_when_joining_or_describing(tmp_path: Path) -> None:
    peaks: dict[str, list[int]] = {"join": [], "info": []}
    for count in (2_000, 12_000):
        path = tmp_path / f"{count}.h5"
        make(
            path,
            (
                ItemRow(
                    f"item-with-a-long-name-{i:09d}",
                    "",
                    (("en", f"caption {i} {'words ' * 200}"),),
                    attributes={"note": f"note {i} {'more ' * 100}"},
                )
                for i in range(count)
            ),
        )
        for command in peaks:
            items, megabytes = peak(_MEASURE, command, path)
            assert items == count
            peaks[command].append(megabytes)
    assert all(many - few < 8 for few, many in peaks.values()), peaks
