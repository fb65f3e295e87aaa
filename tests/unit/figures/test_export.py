from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import pymupdf
import pytest

from mmfeat import figures
from mmfeat.errors import MmfeatError


@pytest.fixture
def folder(atlas_path: Path, tmp_path: Path) -> Path:
    """A folder with an atlas of its own."""
    shutil.copy(atlas_path, tmp_path / "atlas.h5")
    return tmp_path


def manifest_of(out: Path) -> dict:
    return json.loads(out.with_name(out.name + ".manifest.json").read_text("utf-8"))


@pytest.mark.parametrize("extension", ["pdf", "svg", "png"])
def test_a_figure_is_made_again_from_its_manifest_byte_for_byte(
    folder: Path, extension: str
) -> None:
    out = folder / "figures" / f"map.{extension}"
    made = figures.export("map", folder / "atlas.h5", out, colour="shared", dpi=80, width="acl")
    first = out.read_bytes()
    out.unlink()
    again = figures.again(Path(made["manifest"]))
    assert out.read_bytes() == first
    assert again["changed_versions"] == []
    elsewhere = folder / f"other.{extension}"
    figures.again(Path(made["manifest"]), elsewhere)
    assert elsewhere.read_bytes() == first


def test_the_manifest_says_what_made_the_figure(folder: Path) -> None:
    out = folder / "figures" / "map.pdf"
    figures.export("map", folder / "atlas.h5", out, only_shared=False, width="nature-2")
    found = manifest_of(out)
    with h5py.File(folder / "atlas.h5") as file:
        digest = file.attrs["content-digest"]
        seeds = {f"map {name}": int(own.attrs["seed"]) for name, own in file["maps"].items()}
        seeds["sae"] = int(file["sae"].attrs["seed"])
    assert found["command"] == "mmfeat export map atlas.h5 --out map.pdf --width nature-2"
    assert found["inputs"] == {
        "source": {"name": "atlas.h5", "sha256": digest, "at": "../atlas.h5"}
    }
    assert found["seeds"] == seeds
    assert found["settings"]["width"] == "nature-2"
    assert {"mmfeat", "matplotlib", "numpy"} <= found["versions"].keys()
    with pymupdf.open(out) as document:
        inside = json.loads(document.metadata["subject"])
    # The figure travels: it holds all but where its inputs were.
    del found["inputs"]["source"]["at"]
    assert inside == found


def test_moved_inputs_are_found_beside_the_manifest(folder: Path, tmp_path: Path) -> None:
    out = folder / "figures" / "map.png"
    figures.export("map", folder / "atlas.h5", out, dpi=60)
    new = tmp_path / "far away" / "new place"
    new.mkdir(parents=True)
    manifest = shutil.copy(f"{out}.manifest.json", new / "m.json")
    with pytest.raises(MmfeatError, match=r"atlas\.h5, from which map\.png was made, is not there"):
        figures.again(Path(manifest))
    shutil.move(folder / "atlas.h5", new / "atlas.h5")
    figures.again(Path(manifest))
    assert (new / "map.png").read_bytes() == out.read_bytes()


def test_a_changed_source_is_refused_by_name(folder: Path) -> None:
    out = folder / "map.png"
    made = figures.export("map", folder / "atlas.h5", out, dpi=60)
    with h5py.File(folder / "atlas.h5", "r+") as file:
        file.attrs["content-digest"] = "0" * 64
    with pytest.raises(MmfeatError, match=r"atlas\.h5 has another content than the atlas\.h5"):
        figures.again(Path(made["manifest"]))


def test_other_versions_are_told(folder: Path) -> None:
    made = figures.export("map", folder / "atlas.h5", folder / "map.png", dpi=60)
    path = Path(made["manifest"])
    record = json.loads(path.read_text("utf-8"))
    record["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(record), "utf-8")
    (told,) = figures.again(path)["changed_versions"]
    assert told.startswith("numpy 1.0 there, ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is not a manifest of mmfeat"),
        ("no json", "is not a manifest of mmfeat"),
        ('{"mmfeat_manifest": 9}', "is not a manifest of mmfeat"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(text, "utf-8")
    with pytest.raises(MmfeatError, match=message):
        figures.again(path)


def test_a_manifest_of_a_later_version_is_refused_by_number(folder: Path) -> None:
    made = figures.export("map", folder / "atlas.h5", folder / "map.png", dpi=60)
    path = Path(made["manifest"])
    path.write_text(path.read_text("utf-8").replace('manifest": 1', 'manifest": 2'), "utf-8")
    with pytest.raises(MmfeatError, match="has version 2, which this mmfeat does not know"):
        figures.again(path)


def test_a_manifest_cannot_write_outside_its_folder(folder: Path) -> None:
    made = figures.export("map", folder / "atlas.h5", folder / "a" / "map.png", dpi=60)
    path = Path(made["manifest"])
    text = path.read_text("utf-8").replace('"out": "map.png"', '"out": "../evil.png"')
    path.write_text(text, "utf-8")
    assert figures.again(path)["out"] == str(folder / "a" / "evil.png")


def test_a_recipe_writes_all_files_of_a_paper(folder: Path) -> None:
    (folder / "own.mplstyle").write_text("font.size: 9\n", "utf-8")
    (folder / "paper.toml").write_text(
        'out = "figures"\nsource = "atlas.h5"\nwidth = "icml"\nstyle = "own.mplstyle"\n'
        '[[export]]\nkind = "map"\nout = "a.pdf"\ncolour = "shared"\n'
        '[[export]]\nkind = "map"\nout = "b.pdf"\nwidth = "icml-2"\n'
        '[[export]]\nkind = "table"\nout = "t.csv"\n',
        "utf-8",
    )
    found = figures.recipe(folder / "paper.toml")
    outs = [folder / "figures" / name for name in ("a.pdf", "b.pdf", "t.csv")]
    assert [Path(file["out"]) for file in found["files"]] == outs
    widths = []
    for out in outs[:2]:
        with pymupdf.open(out) as document:
            widths.append(document[0].rect.width / 72)
    assert widths == pytest.approx([3.25, 6.75], abs=0.01)
    assert manifest_of(outs[0])["inputs"]["style"]["at"] == "../own.mplstyle"
    first = outs[0].read_bytes()
    figures.again(Path(f"{outs[0]}.manifest.json"))
    assert outs[0].read_bytes() == first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists nothing to export"),
        ('[[export]]\nkind = "chart"\nout = "a.pdf"\n', "Nothing called 'chart' is exported"),
        ('[[export]]\nout = "a.pdf"\n', r"\[\[export\]\] 1 has no kind"),
        ('[[export]]\nkind = "map"\n', r"\[\[export\]\] 1 has no out"),
        ('[[export]]\nkind = "map"\nout = "a.gif"\n', "must end in one of"),
        ('[[export]]\nkind = "map"\nout = "a.pdf"\ndpi = 5\n', "dpi"),
        ('[[export]]\nkind = "map"\nout = "a.pdf"\nage = 5\n', "age"),
        (
            '[[export]]\nkind = "grid"\nout = "b.pdf"\n'
            '[[export]]\nkind = "map"\nout = "a.pdf"\ncolour = "shred"\n',
            "no colouring 'shred'; choose one of modality_score",
        ),
        (
            'age = 5\n[[export]]\nkind = "map"\nout = "a.pdf"\n',
            "no export here has an option 'age'",
        ),
        ('[[export]]\nkind = "map"\nout = "a.pdf"\n' * 2, "writes .*a.pdf twice"),
    ],
)
def test_a_recipe_with_a_mistake_writes_nothing(folder: Path, text: str, message: str) -> None:
    path = folder / "paper.toml"
    path.write_text(f'source = "atlas.h5"\nout = "figures"\n{text}', "utf-8")
    with pytest.raises(MmfeatError, match=message):
        figures.recipe(path)
    assert not (folder / "figures").exists()


def test_a_style_file_overrides_sizes_but_text_stays_text(folder: Path) -> None:
    style = folder / "own.mplstyle"
    style.write_text(
        "font.size: 11\nfont.family: serif\npdf.fonttype: 3\nsavefig.bbox: tight\n", "utf-8"
    )

    def spans(out: Path) -> list[dict]:
        with pymupdf.open(out) as document:
            assert {font[2] for font in document[0].get_fonts()} == {"Type0"}
            blocks = document[0].get_text("dict")["blocks"]
            return [span for b in blocks for line in b["lines"] for span in line["spans"]]

    figures.export("map", folder / "atlas.h5", folder / "plain.pdf", colour="shared")
    options = {"colour": "shared", "style": style}
    figures.export("map", folder / "atlas.h5", folder / "own.pdf", **options)
    largest = [max(span["size"] for span in spans(folder / f"{n}.pdf")) for n in ("plain", "own")]
    assert largest[1] / largest[0] == pytest.approx(11 / 7, rel=0.01)  # ours are 7 points
    assert any("Serif" in span["font"] for span in spans(folder / "own.pdf"))


@pytest.mark.parametrize(
    "text", ["no style at all", "font.sise: 9\n", "font.size: large and red\n"]
)
def test_a_bad_style_file_is_refused(folder: Path, text: str) -> None:
    style = folder / "own.mplstyle"
    style.write_text(text, "utf-8")
    with pytest.raises(MmfeatError, match="is not a matplotlib style file"):
        figures.export("map", folder / "atlas.h5", folder / "m.pdf", style=style)
    assert not (folder / "m.pdf").exists()


def test_a_figure_can_be_drawn_for_a_notebook(folder: Path) -> None:
    drawn = figures.draw("map", folder / "atlas.h5", width="neurips")
    assert drawn.get_figwidth() == pytest.approx(5.5)
    with pytest.raises(MmfeatError, match="'table' is no figure"):
        figures.draw("table", folder / "atlas.h5")
