"""The ``wit`` importer on files in the layout of Wikipedia-based Image Text."""

from __future__ import annotations

import csv
import gzip
import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.wit import read
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, encoded, pictures, write_pictures
from tests.unit.corpus.growth import linux, peak

COLUMNS = [
    "language",
    "page_url",
    "image_url",
    "page_title",
    "section_title",
    "hierarchical_section_title",
    "caption_reference_description",
    "caption_attribution_description",
    "caption_alt_text_description",
    "mime_type",
    "original_height",
    "original_width",
    "is_main_image",
    "attribution_passes_lang_id",
    "page_changed_recently",
    "context_page_description",
    "context_section_description",
]
PHOTO = pictures()["plain.jpg"][0]


def url_of(name: str) -> str:
    return f"http://upload.wikimedia.org/wikipedia/commons/a/ab/{quote(name.replace(' ', '_'))}"


def row(language: str, url: str, reference: str = "", **more: str) -> list[str]:
    cells = {
        "language": language,
        "page_url": f"https://{language}.wikipedia.org/wiki/Cat",
        "image_url": url,
        "page_title": f"Cat ({language})",
        "hierarchical_section_title": "Cat / Behaviour",
        "caption_reference_description": reference,
        "mime_type": "image/jpeg",
        "original_height": "24",
        "original_width": "32",
        "is_main_image": "true",
        "attribution_passes_lang_id": "true",
        "page_changed_recently": "true",
        "context_page_description": 'The cat, a "domestic" animal.',
        **more,
    }
    return [cells.get(column, "") for column in COLUMNS]


def write(path: Path, rows: list[list[str]], end: str = "\n", start: bytes = b"") -> Path:
    plain = path.with_suffix("")
    with plain.open("w", encoding="utf-8", newline="", errors="surrogateescape") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator=end)
        writer.writerows([COLUMNS, *rows])
    path.write_bytes(gzip.compress(start + plain.read_bytes()))
    plain.unlink()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    return path


def test_pages_in_several_languages_share_a_picture(tmp_path: Path, folder: Path) -> None:
    cat, dog = url_of("Cat.jpg"), url_of("Dog.jpg")
    (folder / "Cat.jpg").write_bytes(PHOTO)
    (folder / "Dog.jpg").write_bytes(pictures()["grey.jpg"][0])
    one = write(
        tmp_path / "wit_v1.train.all-00000-of-00010.tsv.gz",
        [row("en", cat, "A cat"), row("ko", dog, "개"), row("iw", cat, "חתול")],
    )
    two = write(
        tmp_path / "wit_v1.train.all-00001-of-00010.tsv.gz",
        [row("en", cat, "A cat"), row("zh-TW", cat, "貓"), row("en", cat, "The same cat")],
    )
    out = tmp_path / "c.h5"
    summary = import_corpus("wit", [one, two], out, ImportOptions(images=folder))
    assert summary.captions == {"en": 2, "he": 1, "ko": 1, "zh-TW": 1}
    assert summary.skipped == {"the caption is there (en)": 1}
    with open_corpus(out) as corpus:
        assert corpus.item_id == [cat, dog]
        assert corpus.captions.text == ["A cat", "חתול", "貓", "The same cat", "개"]
        assert corpus.attributes == {
            "page_title": ["Cat (en)", "Cat (ko)"],
            "page_url": ["https://en.wikipedia.org/wiki/Cat", "https://ko.wikipedia.org/wiki/Cat"],
        }
        assert corpus.image(0).size == (32, 24)


def test_the_caption_is_the_first_of_reference_attribution_and_alt_text(
    tmp_path: Path, folder: Path
) -> None:
    names = ("reference", "attribution", "alt_text")
    every = {f"caption_{name}_description": name for name in names}
    foreign = {"attribution_passes_lang_id": "false"}
    blank = {"caption_reference_description": " "}
    cases = [
        (every, "reference"),
        ({**every, **blank}, "attribution"),
        ({**every, **blank, **foreign}, "alt_text"),
        ({**every, **foreign}, "reference"),
        ({"caption_alt_text_description": "alt_text"}, "alt_text"),
        ({"caption_attribution_description": "English: x", **foreign}, None),
    ]
    rows = []
    for n, (cells, _) in enumerate(cases):
        (folder / f"{n}.jpg").write_bytes(PHOTO)
        rows.append(row("de", url_of(f"{n}.jpg"), **cells))
    source = write(tmp_path / "w.tsv.gz", rows)
    found = list(read([source], ImportOptions(images=folder)))
    assert [r for r in found if isinstance(r, Skipped)] == [
        Skipped("w.tsv.gz", 6, "the caption is empty (de)")
    ]
    items = [r for r in found if isinstance(r, ItemRow)]
    assert [dict(item.captions).get("de") for item in items] == [want for _, want in cases]


def test_pictures_are_found_by_name_and_by_hash(tmp_path: Path, folder: Path) -> None:
    url = "https://upload.wikimedia.org/wikipedia/commons/9/9c/Stra%C3%9Fe_%281%29%2C_M%C3%BCnchen.JPG"
    other = url.replace("/9/9c/", "/1/1d/")
    sha, md5 = (hashlib.new(kind, url.encode()).hexdigest() for kind in ("sha256", "md5"))
    source = write(tmp_path / "w.tsv.gz", [row("de", url, "x")])
    raw = url.rpartition("/")[2]
    # From the last resort to the first choice: each new file wins over those before.
    for name in [
        f"{raw}.png",
        raw,
        "Straße_(1),_München.JPG.webp",
        "Straße_(1),_München.JPG",
        f"deep/er/{md5}.JPEG",
        f"{sha[:2]}/{sha}.png",
        sha,
    ]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PHOTO)
        (item,) = read([source], ImportOptions(images=folder))
        assert isinstance(item, ItemRow) and item.image == name
    for name in (f"{hashlib.md5(other.encode()).hexdigest()}.txt", "München.JPG"):
        (folder / name).write_bytes(PHOTO)
    for path in folder.rglob("*"):
        if path.is_file() and ("Stra" in path.name or "." not in path.name):
            path.unlink()
    source = write(tmp_path / "w.tsv.gz", [row("de", other, "x"), row("de", url, "y")])
    missing, item = read([source], ImportOptions(images=folder))
    assert missing == Skipped("w.tsv.gz", 1, "the picture is not in the folder of pictures")
    assert isinstance(item, ItemRow) and item.image == f"{sha[:2]}/{sha}.png"


def test_every_defect_is_skipped_with_its_place_and_reason(tmp_path: Path, folder: Path) -> None:
    usable = {name.replace(" ", "_"): good for name, good in write_pictures(folder).items()}
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace(" ", "_")))
    (tmp_path / "secret.jpg").write_bytes(PHOTO)
    names = [*usable, "missing.jpg"]
    rows = [row(tag, url_of(name), text) for name in names for tag, text in CAPTIONS.items()]
    # Unequal numbers: the first picture has a second caption in one language.
    rows.append(row("ko", url_of(names[0]), "둘째\nline\tand tab"))
    start = len(rows)
    plain = url_of("plain.jpg")
    rows += [
        row("english", plain, "x"),
        row("", plain, "x"),
        row("en", "", "x"),
        row("en", plain, ""),
        row("en", plain, " \u3000"),
        row("en", plain, "broken \udcff"),
        row("en", plain, "x")[:9],
        row("en", "http://x.org/a/../secret.jpg", "is there"),
        row("en", "http://x.org/a/..%2Fsecret.jpg", "climbs"),
        row("en", plain, "x", context_page_description="x" * 140_000),
        row("en", plain, "broken", page_title="\udcff"),
        row("en", "http://[x/..", "malformed"),
        row("en", plain, "last"),
    ]
    source = write(tmp_path / "w.tsv.gz", rows, "\r\n", b"\xef\xbb\xbf")
    out = tmp_path / "c.h5"
    summary = import_corpus("wit", [source], out, ImportOptions(images=folder))
    good = [name for name in names if usable.get(name)]
    with open_corpus(out) as corpus:
        assert corpus.item_id == [url_of(name) for name in good]
        tags = [corpus.languages[language] for language in corpus.captions.language]
        captions = list(zip(corpus.captions.item.tolist(), tags, corpus.captions.text, strict=True))
        log = corpus._file["import_log"]
        assert set(log["source"].asstr()[:]) == {"w.tsv.gz"}
        reasons = dict(zip(log["row"][:].tolist(), log["reason"].asstr()[:].tolist(), strict=True))
    for n, _ in enumerate(good):
        got = [(tag, text) for item, tag, text in captions if item == n]
        extra = [("ko", "둘째 line and tab"), ("en", "last")] if n == 0 else []
        assert got == [(tag, clean(text)) for tag, text in CAPTIONS.items()] + extra
    assert good[0] == "plain.jpg" and summary.items == len(good)
    bad = {1 + n * len(CAPTIONS): name for n, name in enumerate(names) if not usable.get(name)}
    assert {number for number in reasons if number <= start} == set(bad)
    by_name = {name: reasons[number] for number, name in bad.items()}
    assert by_name["missing.jpg"] == "the picture is not in the folder of pictures"
    assert by_name["zero.jpg"] == "the picture is empty (zero bytes); copy it again"
    assert by_name["truncated.jpg"] == "the picture is truncated; copy it again"
    absent = "the picture is not in the folder of pictures"
    assert [reasons.get(start + n) for n in range(1, 14)] == [
        "the language is not a language tag",
        "the language is not a language tag",
        "the row names no picture",
        "the caption is empty (en)",
        "the caption is empty (en)",
        "the caption holds bytes that are not UTF-8 text (en)",
        "the row has not as many cells as the header",
        absent,
        absent,
        "a cell is longer than 131,072 characters or a quote is not closed",
        "the row holds bytes that are not UTF-8 text",
        absent,
        None,
    ]


def test_unusable_sources_and_folders_are_refused(tmp_path: Path, folder: Path) -> None:
    good = write(tmp_path / "w.tsv.gz", [row("en", url_of(f"{n}.jpg"), "x") for n in range(500)])
    cut, empty, other = (tmp_path / name for name in ("c.tsv.gz", "e.tsv", "o.tsv"))
    cut.write_bytes(good.read_bytes()[:-30])
    empty.touch()
    other.write_text("language\timage_url\nen\tx\n")
    out, with_images = tmp_path / "c.h5", ImportOptions(images=folder)
    for source, options, message in [
        (good, ImportOptions(), "give the folder that you downloaded them to with --images"),
        (good, ImportOptions(images=tmp_path / "none"), "none is not a folder"),
        (good, with_images, r"not in the folder of pictures \(500 times\)"),
        (cut, with_images, r"c\.tsv\.gz is truncated or damaged"),
        (empty, with_images, "is empty; download it again"),
        (other, with_images, "has no column page_url, page_title, caption_reference_description"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("wit", [source], out, options)
    assert not out.exists()


_MEASURE = """
import gzip, os, re, sys
from pathlib import Path
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions
folder, count, columns = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
path, items = folder / "wit.tsv.gz", count // 20
for i in range(items):
    if not (link := folder / "pictures" / f"{i}.jpg").exists():
        os.link(folder / "dot.png", link)
with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
    print(*columns, sep="\\t", file=file)
    for i in range(count):
        cells = dict.fromkeys(columns, "")
        cells["language"] = ("en", "ko", "de", "ja")[i // items % 4]
        cells["image_url"] = f"http://upload.wikimedia.org/wikipedia/commons/a/ab/{i % items}.jpg"
        cells["caption_reference_description"] = f"number {i}, " + "words " * 20
        print(*cells.values(), sep="\\t", file=file)
summary = import_corpus("wit", [path], folder / "c.h5", ImportOptions(images=folder / "pictures"))
# Not getrusage: its peak is inherited from the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(sum(summary.captions.values()), int(peak) // 1024)
"""


@linux
def test_memory_does_not_grow_with_a_hundred_thousand_rows(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(encoded(Image.new("RGB", (1, 1))))
    (tmp_path / "pictures").mkdir()
    peaks = []
    for count in (10_000, 100_000):
        captions, megabytes = peak(_MEASURE, tmp_path, str(count), *COLUMNS)
        assert captions == count
        peaks.append(megabytes)
    assert peaks[1] - peaks[0] < 25, peaks
