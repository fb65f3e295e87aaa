#!/usr/bin/env python3
"""Draw docs/gallery from the full demo, or check that its files can be made again.

    scripts/gallery.py DEMO            make what the figures are drawn from, and draw them all
    scripts/gallery.py DEMO --check    make each again from its manifest and compare the bytes

docs/gallery/gallery.toml says what is drawn. DEMO is the folder that `mmfeat demo --out DEMO`
wrote; further inputs (comparisons, sweeps, results of steering) are made in it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from mmfeat.figures import again, export
from mmfeat.figures.manifest import SUFFIX, read

GALLERY = Path(__file__).resolve().parent.parent / "docs" / "gallery"
_INTRODUCTION = """# Gallery

Every kind of figure, drawn from the full demo (`scripts/demo`). Below each stand the command that
made it and its manifest, from which `mmfeat export --from-manifest` makes the same bytes again;
`scripts/gallery.py DEMO --check` does so for all. The pictures here are PNG; the PDF of each, with
its text as text, stands beside it; the picture of the report is a photograph of it in a browser.
Emoji pictures: OpenMoji (openmoji.org), CC BY-SA 4.0.
"""


def prepare(demo: Path, steps: list[dict[str, str]]) -> None:
    """Run the commands whose outputs are not there."""
    for settings in ("sweep.toml", "remedies.toml"):
        shutil.copy(GALLERY / settings, demo / settings)
    for step in steps:
        out = demo / step["out"]
        if out.exists():
            continue
        print(f"$ {step['command']}", file=sys.stderr)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        try:
            subprocess.run(
                step["command"], shell=True, cwd=demo, check=True, env={**os.environ, "PATH": path}
            )
        except BaseException:
            if out.is_file():  # what was redirected is not whole
                out.unlink()
            raise


def draw(demo: Path, figures: list[dict[str, Any]]) -> list[str]:
    """Draw every figure as PDF and PNG, write the report, and return what the page says of each."""
    lines = []
    made_in = demo / "gallery"  # manifests say where inputs are from there, not on this machine
    for figure in figures:
        stem = figure["file"]
        formats = figure.get("formats", ["pdf", "png"])
        options = dict(figure.get("options", {}))
        for name in figure.get("inputs", []):
            given = options[name]
            listed = isinstance(given, list)
            options[name] = [demo / one for one in given] if listed else demo / given
        for extension in formats:
            dpi = {"dpi": 200} if extension == "png" else {}
            made = export(
                figure["kind"],
                demo / figure["source"],
                made_in / f"{stem}.{extension}",
                **options,
                **dpi,
            )
            print(made["out"], file=sys.stderr)
        first = f"{stem}.{formats[0]}"
        command = read(made_in / f"{first}{SUFFIX}").command
        if "png" not in formats:
            photograph(made_in / first, made_in / f"{stem}.png")
        for file in made_in.glob(f"{stem}.*"):
            shutil.copy(file, GALLERY / file.name)
        lines += [
            f"\n## {figure['title']}\n",
            f"![{figure['title']}]({stem}.png)\n",
            f"{figure['text']}\n",
            f"```\n{command}\n```\n",
            f"[{formats[0].upper()}]({first}), [manifest]({first}{SUFFIX})",
        ]
    return lines


def photograph(html: Path, png: Path) -> None:
    """Take a picture of a report in the system's Chromium, with its first feature opened."""
    from playwright.sync_api import sync_playwright

    browsers = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, browsers)), None)
    if found is None:
        raise SystemExit("No Chromium to take a picture of the report with; install chromium.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found)
        shown = browser.new_page(viewport={"width": 1440, "height": 1000})
        shown.goto(html.resolve().as_uri())
        shown.locator("#list tbody a").first.click()
        shown.locator("#feature .number").wait_for()
        shown.wait_for_load_state("networkidle")
        shown.screenshot(path=png)
        browser.close()


def page(steps: list[dict[str, str]], lines: list[str]) -> str:
    """Return the gallery's page."""
    made = "\n".join(step["command"] for step in steps)
    inputs = f"\n\n## What they are drawn from, beside the demo's files\n\n```\n{made}\n```"
    return _INTRODUCTION + "\n".join(lines) + inputs + "\n"


def check(demo: Path) -> int:
    """Make every figure again and return how many are not the same."""
    failed = 0
    for manifest in sorted(GALLERY.glob(f"*{SUFFIX}")):
        record = read(manifest)
        with tempfile.TemporaryDirectory() as folder:
            # The inputs are looked for beside the manifest.
            copy = Path(folder) / manifest.name
            shutil.copy(manifest, copy)
            for one in record.inputs.values():
                (Path(folder) / one.name).symlink_to((demo / one.name).resolve())
            made = again(copy)
            same = Path(made["out"]).read_bytes() == (GALLERY / record.out).read_bytes()
        failed += not same
        print(f"{record.out:<28}{'same' if same else 'DIFFERENT'}")
        for change in made["changed_versions"]:
            print(f"  {change}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("demo", type=Path, help="what `mmfeat demo --out` wrote")
    parser.add_argument("--check", action="store_true", help="compare instead of drawing")
    options = parser.parse_args()
    if options.check:
        return int(check(options.demo) > 0)
    plan = tomllib.loads((GALLERY / "gallery.toml").read_text("utf-8"))
    steps, figures = plan.get("prepare", []), plan["figure"]
    prepare(options.demo, steps)
    text = page(steps, draw(options.demo, figures))
    drawn = {figure["file"] for figure in figures}
    for kind in ("*.pdf", "*.png", "*.html", f"*{SUFFIX}"):
        for old in GALLERY.glob(kind):
            if old.name.partition(".")[0] not in drawn:
                old.unlink()
    (GALLERY / "README.md").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
