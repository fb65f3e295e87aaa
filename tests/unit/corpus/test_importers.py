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
    with pytest.raises(MmfeatError, match="choose one of openmoji, table"):
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


def test_an_unknown_format_is_bad_usage_and_lists_the_formats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, ["import", "excel", "x.xls", "--out", str(tmp_path / "c.h5")]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in IMPORTERS)
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_loads_no_importer_before_it_is_used() -> None:
    code = "import mmfeat.cli.corpus, sys; print('h5py' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_bundled_file_is_found_and_a_missing_one_named() -> None:
    assert assets.path("openmoji_groups.tsv").read_text("utf-8").startswith("code_points\tgroup")
    with pytest.raises(MmfeatError, match=r"The bundled file none\.tsv is missing"):
        assets.path("none.tsv")
