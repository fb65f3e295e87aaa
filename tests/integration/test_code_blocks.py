"""README and tutorial: what they say to type works, and the Korean pages say the same."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest
from PIL import Image

from mmfeat.assets import path as asset
from mmfeat.sweep import load_sweep
from tests.integration.code_blocks import ROOT, Otherwise, blocks, commands, read, run_page
from tests.unit.analysis.chat_server import Reply, chat_server, says

README, TUTORIAL = "README.md", "docs/own-data.md"
KOREAN = {README: "README.ko.md", TUTORIAL: "docs/ko/own-data.md"}
PAGES = [*KOREAN, *KOREAN.values()]
# Rows of the sweep in the README: small enough for seconds, as many as it has.
SMALLER = {"[512, 1024, 2048]": "[32, 64, 128]", "[500, 1000, 2000]": "[5, 10, 20]"}
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture
def checkout(tmp_path: Path, activations_path: Path, atlas_path: Path) -> Path:
    """A folder like a checkout after the demo, with a table of pictures and captions in it."""
    from mmfeat.atlas.build import build_atlas
    from mmfeat.corpus.openmoji import load_emoji, render
    from mmfeat.training import recipe, train

    folder = tmp_path / "a checkout"
    for name in ("mmfeat-demo", "pictures"):
        (folder / name).mkdir(parents=True)
    for name in ("data", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "clip").symlink_to(asset("openmoji-clip"))
    demo = folder / "mmfeat-demo"
    shutil.copy(atlas_path, demo / "atlas-naive.h5")
    settings = {"sae.d_sae": 96, "sae.k": 8, "optimiser.steps": 200, "batch.size": 256}
    train(activations_path, demo / "sae", recipe("shared-topk", settings))
    build_atlas(activations_path, demo / "sae", demo / "atlas.h5")
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("name", "file", "en", "ko"))
        for emoji in load_emoji()[::20]:
            picture = f"pictures/{emoji.item_id}.png"
            render(emoji.picture, 96).save(folder / picture)
            rows.writerow((emoji.item_id, picture, emoji.names["en"], emoji.names["ko"]))
    return folder


def answer(number: int, body: dict[str, Any]) -> Reply:
    """What a language model might say: a name, then how specific it is to each example."""
    if len(body["messages"]) == 1:
        return says({"name": f"name {number}", "confidence": 0.5})
    count = int(body["messages"][-1]["content"].split("each of the ")[1].split()[0])
    return says({"scores": [2] * count})


def make_smaller(file: Path) -> None:
    """Check the sweep as it stands with its own loader, then make it one of seconds."""
    assert len(load_sweep(file).runs()) == 18
    text = file.read_text("utf-8")
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")
    assert len(load_sweep(file).runs()) == 18


@pytest.mark.timeout(600)
def test_every_block_of_the_readme_works(checkout: Path) -> None:
    with chat_server(answer) as server:
        printed = run_page(
            README,
            checkout,
            [
                Otherwise("scripts/", "minutes: test_demo and test_bootstrap run them", "--help"),
                Otherwise("pip ", "needs a network: test_package builds and installs a wheel"),
                Otherwise(
                    "mmfeat extract",
                    "needs the hub: a model of the same kind in a folder",
                    holds="open_clip:ViT-B-32/laion2b_s34b_b79k",
                    instead="open_clip:local-dir:clip",
                ),
                Otherwise(
                    "mmfeat train", "minutes", "--set sae.d_sae=64 --set optimiser.steps=150"
                ),
                Otherwise("mmfeat view", "waits for somebody", "--screenshot viewer.png"),
                Otherwise(
                    "mmfeat explain",
                    "needs a language model: a server that answers like one",
                    more="--limit 2",
                    holds="http://127.0.0.1:8000",
                    instead=server.url,
                ),
            ],
            make_smaller,
        )
    assert len(server.asked) == 4

    python = next(block.text for block in blocks(README) if block.language == "python")
    with h5py.File(checkout / "mmfeat-demo" / "atlas.h5") as atlas:
        shared = int(atlas["features/shared"][()].sum())
    first, *others = printed[python].splitlines()
    assert first == f"{shared} shared features of 96"
    assert len(others) == min(shared, 5) > 0

    one, whole = (
        json.loads(next(text for line, text in printed.items() if wanted in line))
        for wanted in ("--feature 94 --json", "--scores --json")
    )
    assert one["features"][0]["feature"] == 94
    assert "completeness" in whole
    with h5py.File(checkout / "atlas.h5") as atlas:
        assert atlas["languages"].asstr()[()].tolist() == ["en", "ko"]
        assert "umap" in atlas["maps"]
    with Image.open(checkout / "viewer.png") as picture:
        assert picture.width >= 1000
    assert len(list((checkout / "sweep").glob("*/cfg.json"))) == 18
    for name in ("map.pdf", "scaling.pdf"):
        assert (checkout / name).read_bytes().startswith(b"%PDF")
    assert "</html>" in (checkout / "report.html").read_text("utf-8")
    assert (checkout / "comparison.h5").is_file()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_its_language_so_that_none_is_passed_over(page: str) -> None:
    found = blocks(page)
    fences = re.findall(r"^\s*(?:```|~~~)", read(page), re.MULTILINE)
    assert len(fences) == 2 * len(found) > 0
    assert {block.language for block in found} <= {"bash", "python", "toml"}


@pytest.mark.parametrize("english", KOREAN)
def test_the_korean_page_has_the_same_commands(english: str) -> None:
    pages = (english, KOREAN[english])
    ours, theirs = (
        [
            (block.language, commands(block.text) if block.language == "bash" else block.text)
            for block in blocks(page)
        ]
        for page in pages
    )
    assert ours == theirs


@pytest.mark.parametrize("english", KOREAN)
def test_the_korean_page_has_the_same_headings_tables_and_numbers(english: str) -> None:
    def outline(page: str) -> list[tuple[str, ...]]:
        text = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
        found: list[tuple[str, ...]] = []
        for line in text.splitlines():
            if line.startswith("#"):
                found.append((line.split()[0],))
            elif line.startswith("|"):  # cells, and the numbers that are measured
                measured = re.findall(r"[\d,.]+ (?:ms|MiB)", line)
                found.append((f"row of {line.count('|')}", *measured))
        return found

    assert outline(english) == outline(KOREAN[english])


@pytest.mark.parametrize("english", KOREAN)
def test_the_korean_page_has_the_same_links_to_korean_pages_where_there_are_any(
    english: str,
) -> None:
    def targets(page: str) -> list[str]:
        links = LINK.findall(read(page))
        return [link if "://" in link else place(page, link) for link in links]

    korean = KOREAN[english]
    swapped = {**KOREAN, korean: english}  # each of the two names the other
    assert sorted(swapped.get(target, target) for target in targets(english)) == sorted(
        targets(korean)
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_picture_is_there(page: str) -> None:
    links = [link for link in LINK.findall(read(page)) if "://" not in link]
    missing = [link for link in links if not (ROOT / place(page, link)).exists()]
    assert links and not missing


def place(page: str, link: str) -> str:
    """Return where a relative link leads, from the root of the project."""
    return str((ROOT / page).parent.joinpath(link.partition("#")[0]).resolve().relative_to(ROOT))


def test_what_the_readme_says_was_measured_stands_in_the_benchmarks() -> None:
    rows = [line for line in read(README).splitlines() if line.startswith("|")]
    said = re.findall(r"([\d,.]+) (?:ms|MiB)", "\n".join(rows))
    cells = {cell.strip() for cell in read("docs/benchmarks.md").split("|")}
    assert len(said) == 12
    assert [number for number in said if number not in cells] == []
