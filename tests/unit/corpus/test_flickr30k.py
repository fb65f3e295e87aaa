"""The ``flickr30k`` importer on the layouts in which Flickr30k is handed round."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.flickr30k import read
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, encoded, pictures, write_pictures
from tests.unit.corpus.growth import linux, peak

# Names and captions of the first rows, in every layout.
DATA = [
    ("1000092795.jpg", 0, "Two young guys with shaggy hair look at their hands , outside ."),
    ("1000092795.jpg", 1, "Two young , White males are outside near many bushes ."),
    ("10002456.jpg", 0, "Several men in hard hats are operating a giant pulley system ."),
    ("2199200615.jpg", 4, "A dog runs across the grass ."),
]
LAYOUTS = {
    "results.csv": "image_name| comment_number| comment\n"
    + "".join(f"{name}| {n}| {text}\n" for name, n, text in DATA[:-1])
    + "2199200615.jpg| 4   A dog runs across the grass .\n",  # as in the file handed round
    "results_20130124.token": "".join(f"{name}#{n}\t{text}\n" for name, n, text in DATA),
    "captions.txt": "image,caption\n" + "".join(f"{name},{text}\n" for name, _, text in DATA),
    "headless.csv": "".join(f"{name},{text}\n" for name, _, text in DATA),
    "quoted.csv": "image,caption\n" + "".join(f'{name},"{text}"\n' for name, _, text in DATA),
    "numbered.txt": "image_name,comment_number,comment\n"
    + "".join(f'{name},{n},"{text}"\n' for name, n, text in DATA),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("windows", [False, True])
def test_every_layout_gives_the_same_corpus(tmp_path: Path, name: str, windows: bool) -> None:
    photos = [data for data, good in pictures().values() if good]
    (tmp_path / "flickr30k_images").mkdir()
    for photo, jpg in zip(photos, dict.fromkeys(row[0] for row in DATA), strict=False):
        (tmp_path / "flickr30k_images" / jpg).write_bytes(photo)
    text = LAYOUTS[name]
    data = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() if windows else text.encode()
    (tmp_path / name).write_bytes(data)
    out = tmp_path / "c.h5"
    summary = import_corpus("flickr30k", [tmp_path / name], out)
    assert summary.skipped == {} and summary.captions == {"en": 4}
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["1000092795.jpg", "10002456.jpg", "2199200615.jpg"]
        assert corpus.captions.text == [text for _, _, text in DATA]
        assert corpus.captions.item.tolist() == [0, 0, 1, 2]
        assert corpus.image(0).size == (32, 24)


@pytest.mark.parametrize("layout", ["pipes", "tokens", "commas"])
def test_every_defect_is_skipped_with_its_place_and_reason(tmp_path: Path, layout: str) -> None:
    usable = write_pictures(tmp_path / "images")
    texts = list(CAPTIONS.values())
    names = [*usable, "missing.jpg"]
    # The captions of a picture are neither adjacent nor equally many.
    rows = [(name, 0, texts[n % len(texts)]) for n, name in enumerate(names)]
    rows += [(name, 1, texts[-1]) for name in names[::2]]
    bad = [
        ("plain.jpg", 2, ""),
        ("plain.jpg", 3, " \u3000"),
        ("plain.jpg", 4, "broken \udcff"),
        ("../secret.jpg", 0, "climbs"),
        ("/etc/x.jpg", 0, "absolute"),
        ("plain.jpg", 0, "another of this number"),
    ]
    form = {"pipes": "{}| {}| {}", "tokens": "{}#{}\t{}", "commas": "{0},{2}"}[layout]
    lines = [form.format(*row).replace("\n", " ") for row in rows + bad] + ["no columns at all"]
    path = tmp_path / "captions.txt"
    path.write_bytes("\r\n".join(lines).encode(errors="surrogateescape"))
    out = tmp_path / "c.h5"
    options = ImportOptions(images=tmp_path / "images", language="en_us")
    summary = import_corpus("flickr30k", [path], out, options)
    assert list(summary.captions) == ["en-US"]
    want: dict[str, list[str]] = {name: [] for name, good in usable.items() if good}
    for name, _, text in rows:
        if usable.get(name):
            want[name].append(clean(text))
    if layout == "commas":  # there a caption has no number
        want["plain.jpg"].append("another of this number")
    with open_corpus(out) as corpus:
        assert corpus.item_id == list(want)
        captions = zip(corpus.captions.item, corpus.captions.text, strict=True)
        found: list[list[str]] = [[] for _ in corpus.item_id]
        for item, text in captions:
            found[item].append(text)
        assert found == list(want.values())
        log = corpus._file["import_log"]
        assert set(log["source"].asstr()[:]) == {"captions.txt"}
        reasons = dict(zip(log["row"][:].tolist(), log["reason"].asstr()[:].tolist(), strict=True))
    assert {row for row in reasons if row <= len(names)} == {
        n for n, name in enumerate(names, 1) if not usable.get(name)
    }
    assert reasons[len(names)] == "the picture is missing; check the path"
    outside = "the picture lies outside the folder of the pictures"
    expected = [
        "the caption is empty (en-US)",
        "the caption is empty (en-US)",
        "the caption holds bytes that are not UTF-8 text (en-US)",
        outside,
        outside,
        "the caption's number is a duplicate",
        "the line has not its layout's columns",
    ]
    got = [reasons.get(len(rows) + n) for n in range(1, 8)]
    assert got == [*expected[:5], None if layout == "commas" else expected[5], expected[6]]


def test_numbers_of_rows_are_those_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("image_name| comment_number| comment\n\na.jpg| 0| x\nnonsense\na.jpg| 1|\n")
    rows = list(read([path], ImportOptions()))
    assert [(row.row, row.reason) for row in rows if isinstance(row, Skipped)] == [
        (4, "the line has not its layout's columns"),
        (5, "the caption is empty (en)"),
    ]
    (item,) = [row for row in rows if isinstance(row, ItemRow)]
    assert (item.item_id, item.row, item.captions) == ("a.jpg", 3, (("en", "x"),))


def test_a_caption_may_hold_what_separates_in_other_layouts(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    for line, caption in [
        ("a.jpg| 0| 5 dogs | and b.jpg, #3", "5 dogs | and b.jpg, #3"),
        ("a.jpg#0\tof b.jpg| 0| and, c.jpg", "of b.jpg| 0| and, c.jpg"),
        ("a.jpg,0, one, two | three", "0, one, two | three"),
        ('a.jpg,"the ""big"" one, here"', 'the "big" one, here'),
        ('a.jpg,"big" and "small"', '"big" and "small"'),
    ]:
        path.write_text(f"{line}\n")
        (row,) = read([path], ImportOptions())
        assert isinstance(row, ItemRow) and row.item_id == "a.jpg"
        assert row.captions == (("en", caption),), line


@pytest.mark.parametrize("text", ["", "\n\n", "image,caption\n", "once upon a time\n", "\0" * 99])
def test_another_layout_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "captions.txt"
    path.write_text(text)
    with pytest.raises(MmfeatError, match=r"captions\.txt is not in a layout of Flickr30k"):
        import_corpus("flickr30k", [path], tmp_path / "c.h5")
    assert not (tmp_path / "c.h5").exists()


_MEASURE = """
import os, re, sys
from pathlib import Path
from mmfeat.corpus.importers import import_corpus
folder, count = Path(sys.argv[1]), int(sys.argv[2])
path, items = folder / "results.csv", count // 20
for i in range(items):
    if not (link := folder / "pictures" / f"{i}.jpg").exists():
        os.link(folder / "dot.png", link)
with path.open("w", encoding="utf-8") as file:
    file.write("image_name| comment_number| comment\\n")
    for i in range(count):
        file.write(f"{i % items}.jpg| {i // items}| number {i}, {'words ' * 20}\\n")
summary = import_corpus("flickr30k", [path], folder / "c.h5")
# Not getrusage: its peak is inherited from the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(summary.captions["en"], int(peak) // 1024)
"""


@linux
def test_memory_does_not_grow_with_a_hundred_thousand_rows(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(encoded(Image.new("RGB", (1, 1))))
    (tmp_path / "pictures").mkdir()
    peaks = []
    for count in (10_000, 100_000):
        captions, megabytes = peak(_MEASURE, tmp_path, str(count))
        assert captions == count
        peaks.append(megabytes)
    assert peaks[1] - peaks[0] < 25, peaks
