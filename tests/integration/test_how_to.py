"""What docs/how-to says is done as it says: in a copy of the package, file and line by line."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from mmfeat.atlas.reader import Atlas

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "how-to"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"all of\s+`(mmfeat/[\w/]+\.py)`")
NEW_LINE = re.compile(r"In `(mmfeat/[\w/]+\.py)`, in `(\w+)`:\s*\Z")
# Runs commands in one process, in the order given, and tells what each printed.
DRIVER = """
import contextlib, io, json, sys
import mmfeat
from mmfeat.cli.app import app
from mmfeat.cli.common import run

told = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        if words[0] == "python":
            exec(words[1], {"__name__": "__main__"})
            status = 0
        else:
            status = run(app, words[1:])
    told.append([status, out.getvalue(), err.getvalue()])
json.dump({"package": mmfeat.__file__, "told": told}, sys.__stdout__)
"""


@dataclass
class Page:
    """What a page says, taken apart."""

    files: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str, str]] = field(default_factory=list)  # file, registry, line
    commands: list[list[str]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)  # by language


def page(name: str) -> Page:
    text, found, end = (PAGES / f"{name}.md").read_text("utf-8"), Page(), 0
    for block in BLOCK.finditer(text):
        before, end = text[end : block.start()], block.end()
        language, code = block.groups()
        if language == "bash":
            found.commands += [shlex.split(line) for line in code.splitlines()]
        elif line := NEW_LINE.search(before):
            found.lines.append((line[1], line[2], code))
        elif language != "python":
            found.others[language] = code
        elif new := NEW_FILE.search(before):
            found.files[new[1]] = code
        else:
            found.scripts.append(code)
    return found


def add_line(file: Path, registry: str, line: str) -> None:
    """Put a line at the end of a list, as a reader would."""
    lines = file.read_text("utf-8").splitlines()
    start = next(i for i, own in enumerate(lines) if re.match(rf"{registry}\b.*[\[({{]$", own))
    end = next(i for i in range(start, len(lines)) if re.match(r"[\])}]", lines[i]))
    lines.insert(end, line.rstrip("\n"))
    file.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's library with all that the pages add to it."""
    root = tmp_path_factory.mktemp("a checkout")
    big = shutil.ignore_patterns("__pycache__", "openmoji-clip")
    shutil.copytree(ROOT / "mmfeat", root / "mmfeat", ignore=big)
    shutil.copytree(ROOT / "mmfeat/assets/openmoji-clip", root / "mmfeat/assets/openmoji-clip",
                    copy_function=os.link)  # fmt: skip
    shutil.copytree(ROOT / "data", root / "data", ignore=shutil.ignore_patterns("studies"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for name in ("own-importer", "own-score", "own-figure", "own-backbone"):
        said = page(name)
        assert len(said.files) == len(said.lines) == 1, "one new file, and one line"
        for path, code in said.files.items():
            assert not (root / path).exists()
            (root / path).write_text(code, "utf-8")
        for path, registry, line in said.lines:
            assert len(line.splitlines()) == 1
            add_line(root / path, registry, line)
    return root


def do(package: Path, folder: Path, words: list[list[str]]) -> list[tuple[int, str, str]]:
    """Type commands, and run scripts, in a folder; return status, output and errors of each."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(package),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(words), cwd=folder, env=environment,
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert Path(told["package"]).is_relative_to(package)
    return [tuple(one) for one in told["told"]]


def typed(package: Path, folder: Path, commands: list[list[str]]) -> list[dict[str, Any]]:
    """Type commands that all succeed, and return their results."""
    found = []
    for words, (status, out, err) in zip(
        commands, do(package, folder, [[*words, "--json"] for words in commands]), strict=True
    ):
        assert status == 0, f"{words}\n{err}"
        found.append(json.loads(out))
    return found


def test_the_files_are_written_as_ours_are(package: Path) -> None:
    files = [path for name in PAGES.glob("own-*.md") for path in page(name.stem).files]
    assert len(files) == 4
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *files], cwd=package, capture_output=True,
            encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_the_importer_imports(package: Path, tmp_path: Path) -> None:
    said = page("own-importer")
    (tmp_path / "paintings.json").write_text(said.others["json"], "utf-8")
    (tmp_path / "broken.json").write_text("[]")
    for number, name in enumerate(("heron.png", "pines.png")):
        Image.new("RGB", (20, 10), (number, 90, 200)).save(tmp_path / name)
    imported, info, valid = typed(package, tmp_path, said.commands)
    assert (imported["items"], imported["pictures"]) == (2, 2)
    assert imported["captions"] == {"en": 2, "ja": 1, "ko": 1}
    assert imported["skipped"] == {"the painting has no titles by language": 1}
    assert info["items"] == 2 and valid["valid"] is True
    with h5py.File(tmp_path / "corpus.h5") as file:
        assert list(file["items/item_id"].asstr()) == ["heron.png", "pines.png"]
        assert list(file["items/attributes/artist"].asstr()) == ["Sin", "Mori"]
        texts = set(zip(file["captions/item"], file["captions/text"].asstr(), strict=True))
        assert texts == {(0, "A heron"), (0, "왜가리"), (1, "Pines in snow"), (1, "雪の松")}
        assert list(file["import_log/row"]) == [3]
    (helped, shown, _), (refused, _, why) = do(
        package, tmp_path,
        [["mmfeat", "corpus", "import", "--help"],
         ["mmfeat", "corpus", "import", "museum", "broken.json", "--out", "no.h5"]],
    )  # fmt: skip
    assert helped == 0 and "paintings.json of the museum" in shown
    assert refused == 1 and "broken.json lists no paintings" in why


@pytest.fixture(scope="module")
def atlas(
    package: Path, sae_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    """A folder in which the page on scores was typed, and what it printed."""
    folder = tmp_path_factory.mktemp("scores")
    for name, own in (("activations.h5", "acts.h5"), ("corpus.h5", "corpus.h5")):
        shutil.copy(sae_path.with_name(name), folder / own)
    shutil.copytree(sae_path, folder / "sae")
    said = page("own-score")
    told = typed(package, folder, said.commands)
    return folder, told


def dense(path: Path, stream: str) -> np.ndarray:
    """Return the activations [rows, features] by the postings of each feature."""
    with h5py.File(path) as file:
        postings = file[f"codes/{stream}/by_feature"]
        rows, data, ends = (postings[name][:] for name in ("rows", "data", "indptr"))
        z = np.zeros((len(file[f"codes/{stream}/rows/item"]), len(ends) - 1))
    for feature, (low, high) in enumerate(pairwise(ends)):
        z[rows[low:high], feature] = data[low:high]
    return z


def test_the_score_is_a_column_everywhere(
    package: Path, atlas: tuple[Path, list[dict[str, Any]]]
) -> None:
    folder, (_, shown, table) = atlas
    with Atlas(folder / "atlas.h5") as opened:
        scores = opened.features()
    for name in ("image", "text"):
        z = dense(folder / "atlas.h5", f"{name}.pooled")
        n, fires = len(z), z.any(0)
        truth = (1 - z[:, fires].mean(0) ** 2 / (z[:, fires] ** 2).mean(0)) / (1 - 1 / n)
        column = scores[f"sparseness_{name}"]
        np.testing.assert_allclose(column[fires], truth, rtol=1e-5)
        assert np.isnan(column[~fires]).all() and truth.min() < truth.max() <= 1
    (feature,) = shown["features"]
    assert feature["scores"]["sparseness_image"] == pytest.approx(scores["sparseness_image"][5])
    assert table["features"] == 20
    with (folder / "sparsest.csv").open(encoding="utf-8") as file:
        listed = [float(row["sparseness_image"]) for row in csv.DictReader(file)]
    assert listed == sorted(listed, reverse=True)
    assert listed[0] == pytest.approx(float(np.nanmax(scores["sparseness_image"])))
    ((_, printed, _),) = do(package, folder, [["python", *page("own-score").scripts]])
    assert float(printed) == pytest.approx(scores["sparseness_image"][5], rel=1e-5)


def test_the_figure_is_drawn_and_made_again(
    package: Path, atlas: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    said = page("own-figure")
    shutil.copy(atlas[0] / "atlas.h5", tmp_path)
    (tmp_path / "paper.toml").write_text(said.others["toml"])
    helped, *commands = said.commands
    ((status, shown, _),) = do(package, tmp_path, [helped])
    assert status == 0 and "--least" in shown and "Smallest firing rate" in shown
    commands.append(["mmfeat", "export", "--recipe", "paper.toml"])
    drawn, again, _ = typed(package, tmp_path, commands)
    with Atlas(tmp_path / "atlas.h5") as opened:
        scores = opened.features()
    image, text = scores["firing_rate_image"], scores["firing_rate_text"]
    shown_features = np.minimum(image, text) >= 0.002
    assert 0 < drawn["features"] == shown_features.sum() < len(image)
    assert drawn["more_on_pictures"] == (shown_features & (image > text)).sum()
    first = (tmp_path / drawn["out"]).read_bytes()
    assert first.startswith(b"%PDF") and (tmp_path / again["out"]).read_bytes() == first
    assert (tmp_path / "figures" / "balance.pdf.manifest.json").exists()


# What the model itself says of a picture and of captions, one at a time.
TRUTH = """
from pathlib import Path
import numpy as np, torch
import mmfeat
from safetensors.torch import load_model
from mmfeat.backbones.families.byte_clip import ByteClip, PATCH, SIZE

model = ByteClip()
load_model(model, "byte-clip.safetensors")
model.eval()
found = {"image": [], "text": [], "tokens": [], "place": []}
with torch.inference_mode(), mmfeat.open_corpus(Path("corpus.h5")) as corpus:
    for item in range(len(corpus)):
        picture = corpus.image(item, 96).resize((SIZE, SIZE))
        x = torch.from_numpy(np.asarray(picture, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        cells = torch.nn.functional.unfold(x, PATCH, stride=PATCH)[0].T
        cells = cells.reshape(-1, 3, PATCH * PATCH).transpose(1, 2).flatten(1)
        found["image"].append(model.vision(cells[None])[0].numpy())
    model.text.blocks[0].register_forward_hook(lambda m, i, o: found["tokens"].append(o[0, 1:]))
    for text in corpus.captions.text:
        found["text"].append(model.text(torch.tensor([list(text.encode()[:64])]))[0].numpy())
        place = [at for at, own in enumerate(text) for _ in own.encode()][:64]
        found["place"].append(np.array(place))
    found["tokens"] = [own.numpy() for own in found["tokens"]]
np.savez("truth.npz", **{name: np.concatenate(own) if own[0].ndim == 2 or name == "place"
                         else np.stack(own) for name, own in found.items()})
"""


def test_the_backbone_gives_what_the_model_gives(package: Path, tmp_path: Path) -> None:
    said = page("own-backbone")
    (saved,) = said.scripts
    words = [["python", saved], *([*own, "--json"] for own in said.commands), ["python", TRUTH]]
    told = do(package, tmp_path, words)
    assert [status for status, *_ in told] == [0] * len(words), told
    hooks = json.loads(told[1][1])
    assert list(hooks) == [
        "joint",
        *(f"{t}.blocks.{n}" for t in ("vision", "text") for n in (0, 1)),
    ]
    truth = np.load(tmp_path / "truth.npz")
    with h5py.File(tmp_path / "acts.h5") as file:
        joint, block = file["hooks/joint"], file["hooks/text.blocks.0"]
        for stream, own in (("image.pooled", "image"), ("text.pooled", "text")):
            np.testing.assert_allclose(joint[stream]["x"][:], truth[own], rtol=1e-2, atol=2e-3)
        np.testing.assert_allclose(
            block["text.token"]["x"][:], truth["tokens"], rtol=1e-2, atol=5e-3
        )
        np.testing.assert_array_equal(block["text.token"]["start"][:], truth["place"])
        assert len(joint["image.patch"]["x"]) == 16 * len(truth["image"])
        # Patches at joint are those of the last block, so that of no two pictures are they alike.
        assert np.ptp(joint["image.patch"]["x"][:], axis=0).min() > 0


def test_what_the_page_on_clusters_writes_is_understood(tmp_path: Path, corpus_path: Path) -> None:
    import typer

    from mmfeat.cli.app import app

    said = page("cluster")
    commands = [words[words.index("mmfeat") + 1 :] for words in said.commands]
    assert [words[0] for words in commands] == ["extract", "train", "train"]
    for name, *options in commands:
        group = typer.main.get_command(app)
        group.commands[name].make_context(name, options)  # refuses an option that is not there
    shutil.copy(corpus_path, tmp_path / "corpus.h5")
    (tmp_path / "study.toml").write_text(said.others["toml"])
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import batch; from pathlib import Path; "
        "found = batch.plan(batch.read_batch(Path('study.toml')), Path('study')); "
        "print(*(step.name for first in found for step in first.then), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "scripts")], cwd=tmp_path, capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split("\n")) - 1 == 2 * 2 * 3
    assert "openmoji-clip text.blocks.1 naive-topk 2" in done.stdout
