"""The registry of importers and ``mmfeat corpus``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from mmfeat import assets
from mmfeat.cli.common import run
from mmfeat.cli.corpus import app
from mmfeat.corpus.importers import IMPORTERS, import_corpus
from mmfeat.corpus.model import ImportOptions
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import write_pictures


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "my table.csv"
    path.write_text("id,en,ko,kind\n1,cat,고양이,a\n2,dog,개,b\n2,dog,개,b\n", "utf-8")
    return path


def test_provenance_says_what_was_read_and_how(tmp_path: Path, table: Path) -> None:
    options = ImportOptions(id="id", lang=("en=en",))
    import_corpus("table", [table], tmp_path / "c.h5", options, seed=3)
    with h5py.File(tmp_path / "c.h5") as file:
        record = json.loads(file.attrs["provenance"])
        assert file.attrs["name"] == "my table" and file.attrs["attribution"] == ""
    assert record["settings"]["format"] == "table" and record["settings"]["seed"] == 3
    assert record["settings"]["options"]["lang"] == ["en=en"]
    assert record["inputs"]["source 1"]["name"] == "my table.csv"
    assert str(tmp_path) not in json.dumps(record)


def test_options_and_sources_of_another_format_are_refused(tmp_path: Path, table: Path) -> None:
    out = tmp_path / "c.h5"
    with pytest.raises(MmfeatError, match="does not take --caption-column, --image"):
        import_corpus("openmoji", [], out, ImportOptions(image="a", caption_column="b"))
    with pytest.raises(MmfeatError, match="takes no source"):
        import_corpus("openmoji", [table], out)
    with pytest.raises(MmfeatError, match="choose one of openmoji, table, folder"):
        import_corpus("excel", [table], out)


def test_the_command_imports_shows_and_validates(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.h5"
    command = ["import", "table", str(table), "--out", str(out), "--id", "id", "--json"]
    command += ["--lang", "en=en", "--lang", "ko=ko", "--attribute", "kind", "--name", "pets"]
    assert run(app, command) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": str(out),
        "items": 2,
        "pictures": 0,
        "captions": {"en": 2, "ko": 2},
        "skipped": {"the item id is a duplicate": 1},
    }
    assert run(app, ["info", str(out), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["name"] == "pets" and info["coverage"] == {"en": 1.0, "ko": 1.0}
    assert run(app, ["validate", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True
    assert run(app, ["validate", str(table)]) == 1
    assert "not a readable HDF5 file" in capsys.readouterr().err


def test_info_is_readable_for_people_with_many_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = [f"{a}{b}" for a in "abdefg" for b in "nopqrs"]
    table = tmp_path / "t.jsonl"
    everything = json.dumps({"id": "all"} | {tag: f"text in {tag}" for tag in tags})
    table.write_text("\n".join([everything] + [f'{{"id": "{n}", "an": "x"}}' for n in range(199)]))
    out = tmp_path / "c.h5"
    options = ImportOptions(id="id", lang=tuple(f"{tag}={tag}" for tag in tags))
    import_corpus("table", [table], out, options)
    monkeypatch.setenv("COLUMNS", "80")
    capsys.readouterr()
    assert run(app, ["info", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("items with captions in both languages, in percent:")
    end = lines.index("examples:")
    matrix = lines[start + 1 : end]
    assert max(map(len, matrix)) <= 80 and len(matrix) == 2 * 37 + 1
    assert matrix[0].split() == tags[: len(matrix[0].split())]
    assert matrix[1].split() == ["an", "100", *["<1"] * (len(matrix[0].split()) - 1)]
    assert matrix[2].split()[:2] == ["ao", "<1"]
    headers = [line.split() for line in matrix if len(set(line.split()) & set(tags)) > 1]
    assert [tag for header in headers for tag in header] == tags
    assert lines[end + 1 : end + 4] == ["  all", "    an: text in an", "    ao: text in ao"]
    assert lines[end + 8] == "    and 30 more languages"
    assert ["an", "200", "100", "1", "1", "10"] in [line.split() for line in lines]
    assert ["gs", "1", "<1", "10", "10", "10"] in [line.split() for line in lines]
    assert run(app, ["info", str(out), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert list(info["coverage_matrix"]) == tags == list(info["coverage_matrix"]["gs"])
    assert info["coverage_matrix"]["gs"]["an"] == 0.005


def test_the_command_takes_filters(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.h5"
    command = ["import", "table", str(table), "--out", str(out), "--id", "id", "--json"]
    command += ["--lang", "en=en", "--lang", "ko=ko"]
    assert run(app, [*command, "--languages", "ko", "--limit", "1", "--sample", "5"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["items"], summary["captions"], summary["skipped"]) == (1, {"ko": 1}, {})
    for wrong, message in (
        (["--limit", "0"], "Invalid value for '--limit'"),
        (["--sample", "1"], "needs --limit"),
    ):
        assert run(app, [*command, *wrong]) == 2
        assert message in capsys.readouterr().err
    assert run(app, [*command, "--split", "val"]) == 1
    assert "No item is of the split val" in capsys.readouterr().err
    assert run(app, [*command, "--languages", "korean"]) == 1
    assert "'korean' is not a language tag" in capsys.readouterr().err


def test_folders_are_noted_by_name_alone(tmp_path: Path) -> None:
    source, images = tmp_path / "XTD10", tmp_path / "my pictures"
    source.mkdir()
    write_pictures(images)
    (source / "test_image_names.txt").write_text("plain.jpg\n")
    (source / "test_1kcaptions_en.txt").write_text("a cat\n")
    out = tmp_path / "c.h5"
    import_corpus("xtd10", [source], out, ImportOptions(images=images))
    with h5py.File(out) as file:
        record = json.loads(file.attrs["provenance"])
    assert record["settings"]["options"]["images"] == "my pictures"
    assert record["settings"]["sources"] == ["XTD10"]
    assert str(tmp_path) not in json.dumps(record)


def test_every_format_is_listed_in_one_line_of_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(app, ["import", "--help"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, importer in IMPORTERS.items():
        assert [name, *importer.summary.split()] in lines


def test_every_format_has_what_an_importer_needs() -> None:
    fields = set(vars(ImportOptions()))
    for name, importer in IMPORTERS.items():
        module = importer.load()
        assert callable(module.read) and callable(module.image_root), name
        assert not module.OPTIONS - fields, name


def test_an_unknown_format_is_bad_usage_and_lists_the_formats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, ["import", "excel", "x.xls", "--out", str(tmp_path / "c.h5")]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in IMPORTERS)
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_loads_no_importer_before_it_is_used() -> None:
    code = (
        "import mmfeat.cli.corpus, sys; print([name for name in sys.modules if name in "
        "('h5py', 'numpy', 'torch', 'pyarrow', 'PIL', 'sqlite3', 'mmfeat.corpus.table')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_bundled_file_is_found_and_a_missing_one_named() -> None:
    assert assets.path("openmoji_groups.tsv").read_text("utf-8").startswith("code_points\tgroup")
    with pytest.raises(MmfeatError, match=r"The bundled file none\.tsv is missing"):
        assets.path("none.tsv")
