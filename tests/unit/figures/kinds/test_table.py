from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pymupdf
import pytest
from pyarrow import parquet

from mmfeat.errors import MmfeatError
from mmfeat.figures import export
from mmfeat.figures.output import guarded

HOSTILE = '=HYPERLINK("http://x", "a,b")\n'
MARKUP = "| a_b & 50% {x} \\ #1 ~^$ <b>*c*</b> `d` [e](f)\n!"
PERSIAN = "می\u200cخواهم"  # with a joiner that separates


@pytest.fixture(scope="module")
def hostile(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "hostile.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        tags = [tag.decode() for tag in file["languages"][:]]
        file["names/text"][0, 0] = HOSTILE
        file["names/text"][1, tags.index("en")] = MARKUP
        file["names/text"][2, tags.index("fa")] = PERSIAN
        file["features"]["=1+1"] = np.zeros(int(file.attrs["d_sae"]), np.float32)
        file["features/shared_effect"][0] = -0.25
        file["features/shared_q"][:3] = [1e-12, np.nan, 0.5]
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def truth(path: Path) -> dict[str, np.ndarray]:
    """All columns but names, as the atlas has them."""
    with h5py.File(path) as file:
        languages = [tag.decode() for tag in file["languages"][:]]
        columns = {
            name: node[:] for name, node in file["features"].items() if name != "by_language"
        }
        for name, table in file["features/by_language"].items():
            columns |= {f"{name}[{tag}]": table[:, at] for at, tag in enumerate(languages)}
        scores = file["names/score"][:]
        return columns | {f"name_score[{tag}]": scores[:, at] for at, tag in enumerate(languages)}


def names(path: Path) -> dict[str, list[str]]:
    with h5py.File(path) as file:
        texts = file["names/text"].asstr()[:]
        return {
            f"name[{tag.decode()}]": texts[:, at].tolist()
            for at, tag in enumerate(file["languages"][:])
        }


def test_every_feature_is_a_row_and_every_score_a_column(atlas_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.csv"
    result = export("table", atlas_path, out)
    rows = read(out)
    with h5py.File(atlas_path) as file:
        assert len(rows) == result["features"] == int(file.attrs["d_sae"])
    assert result["columns"] == len(rows[0])
    assert [row["feature"] for row in rows] == [str(i) for i in range(len(rows))]
    columns, texts = truth(atlas_path), names(atlas_path)
    assert set(rows[0]) == {"feature", *columns, *texts}
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            cell = row[name]
            if values.dtype == bool:
                assert cell == ("true" if value else "false")
            elif cell == "":
                assert np.isnan(value)
            else:
                assert values.dtype.type(cell) == value  # not a digit is lost
    for name, own in texts.items():
        assert [row[name] for row in rows] == [guarded(text) for text in own]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_shown_and_not_run(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "cat", "قطة", "1-1", "'=1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


def test_hostile_names_are_guarded_in_the_file(hostile: Path, tmp_path: Path) -> None:
    export("table", hostile, tmp_path / "t.csv")
    rows = read(tmp_path / "t.csv")
    tag = next(iter(names(hostile)))
    assert rows[0][tag] == "'" + HOSTILE
    assert "'=1+1" in rows[0]
    assert "=1+1" not in rows[0]


def test_negative_numbers_stay_numbers(hostile: Path, tmp_path: Path) -> None:
    export("table", hostile, tmp_path / "t.csv")
    assert read(tmp_path / "t.csv")[0]["shared_effect"] == "-0.25"


def test_another_extension_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"must end in one of \.csv"):
        export("table", atlas_path, tmp_path / "t.xlsx")


def test_parquet_has_types_nulls_and_what_made_it(hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    result = export("table", hostile, out)
    table = parquet.read_table(out)
    columns, texts = truth(hostile), names(hostile)
    assert set(table.column_names) == {"feature", *columns, *texts}
    assert table.num_rows == result["features"]
    for name, values in columns.items():
        own = table[name]
        assert own.type.to_pandas_dtype() == values.dtype.type
        missing = np.isnan(values.astype(np.float64))
        assert own.null_count == missing.sum()
        assert np.array_equal(own.drop_null().to_numpy(), values[~missing])
    for name, own in texts.items():
        assert table[name].to_pylist() == [text or None for text in own]  # exactly: no formulas
    assert table["shared_q"].null_count >= 1
    beside = json.loads((tmp_path / "t.parquet.manifest.json").read_text("utf-8"))
    inside = json.loads(table.schema.metadata[b"mmfeat"])
    assert inside["command"] == beside["command"]
    assert "OpenMoji" in table.schema.metadata[b"attribution"].decode()


@pytest.mark.parametrize("extension", ["csv", "parquet", "tex", "md"])
def test_the_same_bytes_twice(extension: str, hostile: Path, tmp_path: Path) -> None:
    found = []
    for folder in ("a", "b"):
        out = tmp_path / folder / f"t.{extension}"
        export("table", hostile, out)
        found.append(out.read_bytes())
    assert found[0] == found[1]


def latex_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a tabular, by TeX's rules for escapes, braces and comments."""
    depth, lines = 0, []
    for line in path.read_text("utf-8").splitlines():
        bare = re.sub(r"(?<!\\)((?:\\\\)*)%.*", r"\1", line)
        shown = re.sub(r"\\[\\{}&%$#_]", "", bare)
        depth += shown.count("{") - shown.count("}")
        assert depth == 0, line  # no cell leaves a brace open
        if bare.endswith(r" \\"):
            lines.append(re.split(r" (?<!\\)& ", bare.removesuffix(r" \\")))
        else:
            assert not shown.strip() or bare.startswith("\\")
    (begin,) = re.findall(r"\\begin\{tabular\}\{(.*)\}\n", path.read_text("utf-8"))
    return re.findall(r"l|S\[[^\]]*\]", begin), lines


def test_latex_has_a_cell_a_column_and_aligned_numbers(hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.tex"
    result = export("table", hostile, out, language=("en", "fa"))
    specs, (header, *rows) = latex_cells(out)
    assert {len(specs), len(header), *map(len, rows)} == {result["columns"]}
    assert len(rows) == result["features"]
    at = {name: index for index, name in enumerate(header)}
    assert list(at)[:3] == ["{feature}", "name (en)", "name (fa)"]
    assert rows[1][at["name (en)"]] == (
        r"\textbar{} a\_b \& 50\% \{x\} \textbackslash{} \#1 \textasciitilde{}\textasciicircum{}\$ "
        r"\textless{}b\textgreater{}*c*\textless{}/b\textgreater{} `d` [e](f) !"
    )
    assert rows[2][at["name (fa)"]] == PERSIAN
    assert specs[at["name (fa)"]] == "l"
    q, rate = at["{shared q}"], at["{firing rate image}"]
    assert [row[q] for row in rows[:3]] == ["1.00e-12", "{--}", "5.00e-01"]
    digits = max(len(row[q].partition("e-")[2].lstrip("0")) for row in rows if "e-" in row[q])
    assert specs[q] == f"S[table-format=1.2e-{digits}]"
    with h5py.File(hostile) as file:
        rates = file["features/firing_rate_image"][:]
    for row, value in zip(rows, rates, strict=True):
        assert abs(float(row[rate]) - value) <= max(0.0005, 0.005 * value)
    assert r"% \usepackage{booktabs,siunitx}" in out.read_text("utf-8").splitlines()


def typeset(program: str, path: Path, preamble: str = "") -> str:
    """Return the text of the page that TeX makes of a table."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here; install Debian's texlive-science and texlive-xetex")
    page = path.with_name("page.tex")
    page.write_text(
        "\\documentclass{article}\n\\usepackage[paperwidth=60cm,margin=1cm]{geometry}\n"
        f"\\usepackage{{booktabs,siunitx}}\n{preamble}\n\\pagestyle{{empty}}\n"
        f"\\begin{{document}}\n\\input{{{path.name}}}\n\\end{{document}}\n",
        "utf-8",
    )
    call = [found, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", page.name]
    done = subprocess.run(call, cwd=path.parent, capture_output=True, text=True, check=False)
    if "fontspec" in done.stdout and "cannot be found" in done.stdout:
        pytest.skip("no font with Hangul here; install Debian's fonts-noto-cjk")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout and "Missing character" not in done.stdout
    with pymupdf.open(page.with_suffix(".pdf")) as document:
        return " ".join(str(document[0].get_text()).split())


def test_latex_makes_a_page_of_the_table(hostile: Path, tmp_path: Path) -> None:
    columns = ("name", "shared_effect", "shared_q", "n_languages", "shared")
    path = tmp_path / "t.tex"
    export("table", hostile, path, feature=(0, 1, 2, 3), language=("en",), column=columns)
    text = typeset("pdflatex", path)
    # The line that stands for an underscore is no letter.
    for word in ("| a b & 50% {x} \\ #1", "<b>*c*</b>", "shared effect", "true", "10−12", "–"):
        assert word in text, word
    with h5py.File(hostile) as file:
        effect = file["features/shared_effect"][3]
    assert f"{effect:.3f}" in text


def test_xelatex_shows_names_in_other_scripts(hostile: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.tex"
    export("table", hostile, path, feature=(5, 6, 7), language=("ko",), column=("name",))
    with h5py.File(hostile) as file:
        korean = [tag.decode() for tag in file["languages"][:]].index("ko")
        own = [name for name in file["names/text"].asstr()[5:8, korean] if name]
    font = "\\usepackage{fontspec}\\setmainfont{Noto Sans CJK KR}"
    text = typeset("xelatex", path, font)
    assert own
    for name in own:
        assert "".join(name.split()) in "".join(text.split())


def test_negative_numbers_have_room_for_their_sign(hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.tex"
    export("table", hostile, out, column=("shared_effect",), feature=(0,))
    specs, (_, row) = latex_cells(out)
    assert (specs[1], row[1]) == ("S[table-format=-1.3]", "-0.250")


def test_markdown_shows_strangers_texts_as_texts(hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.md"
    result = export("table", hostile, out, language=("en", "fa"))
    lines = out.read_text("utf-8").splitlines()
    table = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    assert {len(row) for row in table} == {result["columns"]}
    assert len(table) == result["features"] + 2
    assert table[3][1].strip() == (
        r"\| a\_b &amp; 50% {x} \\ \#1 \~^\$ &lt;b&gt;\*c\*&lt;/b&gt; \`d\` \[e\](f) \!"
    )
    assert table[4][2].strip() == PERSIAN
    assert table[1][0].strip() == "---:"
    assert table[1][1].strip() == ":---"
    assert table[3][-1].strip() == ""
    assert lines[-1].startswith("<!-- {")
    assert lines[-1].count(">") == 1  # nothing in it ends the comment
    assert json.loads(lines[-1][5:-4])["kind"] == "table"


def test_rows_and_columns_are_those_asked_for_in_that_order(hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    options: dict[str, Any] = {"feature": (5, 2, 5), "column": ("p[ko]", "shared", "name")}
    export("table", hostile, out, language=("ko", "FA"), **options)
    rows = read(out)
    assert [row["feature"] for row in rows] == ["5", "2"]
    assert list(rows[0]) == ["feature", "p[ko]", "shared", "name[ko]", "name[fa]"]
    assert rows[1]["name[fa]"] == PERSIAN


@pytest.mark.parametrize("ascending", [False, True])
def test_rows_are_sorted_with_what_is_missing_last(
    ascending: bool, hostile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "t.csv"
    export("table", hostile, out, sort="shared_q", ascending=ascending)
    q = truth(hostile)["shared_q"].astype(np.float64)
    found = q[[int(row["feature"]) for row in read(out)]]
    known = np.sort(q[~np.isnan(q)])
    assert np.array_equal(found[: len(known)], known if ascending else known[::-1])
    assert np.isnan(found[len(known) :]).all()
    export("table", hostile, out, sort="shared_q", ascending=ascending, limit=3)
    assert len(read(out)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature": (99999,)}, "has no feature 99999; give some from 0 to "),
        ({"column": ("age",)}, "has no column 'age' here; give one of feature, "),
        ({"sort": "age"}, "has no column 'age' here; give one of "),
        ({"language": ("sw",)}, "has no captions in sw; give some of "),
        ({"limit": 0}, "export table: limit: "),
    ],
)
def test_bad_options_are_one_sentence(
    options: dict[str, Any], message: str, atlas_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(MmfeatError) as error:
        export("table", atlas_path, tmp_path / "t.csv", **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
