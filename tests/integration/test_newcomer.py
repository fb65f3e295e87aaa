"""For a newcomer with a change: lists hold what their folders hold, and an entry is enough."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from mmfeat.atlas.parts import PARTS
from mmfeat.backbones.registry import FAMILIES
from mmfeat.corpus.importers import IMPORTERS
from mmfeat.figures.registry import KINDS
from mmfeat.sae.settings import ARCHITECTURES, TERMS

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ROOT / "gui" / "mmfeat_gui" / "views"
MOST_LINES = 450


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def defines(path: Path, *names: str) -> bool:
    """Return whether a module has functions and values of these names."""
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {own.id for own in node.targets if isinstance(own, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return set(names) <= found


def modules(folder: str, *names: str) -> set[str]:
    """Return the modules of a package that define all of these names."""
    files = (ROOT / folder).glob("*.py")
    return {file.stem for file in files if file.stem != "__init__" and defines(file, *names)}


def writers() -> set[str]:
    """Return the modules of atlases that write a part from the evidence alone."""
    return {
        name
        for name in modules("mmfeat/atlas", "write")
        for node in tree(ROOT / "mmfeat" / "atlas" / f"{name}.py").body
        if isinstance(node, ast.FunctionDef)
        and node.name == "write"
        and [own.arg for own in node.args.args][:3] == ["file", "evidence", "progress"]
    }


def panels() -> set[str]:
    """Return the classes of the viewer with the key of a tab and an area for it."""
    return {
        node.name
        for file in VIEWS.glob("*.py")
        for node in tree(file).body
        if isinstance(node, ast.ClassDef)
        and {"key", "area"}
        <= {
            own.target.id
            for own in node.body
            if isinstance(own, ast.AnnAssign)
            and isinstance(own.target, ast.Name)
            and own.value is not None
        }
    }


def listed_in_viewer(name: str) -> set[str]:
    """Return what the viewer's registry names in one of its lists, ``module.Thing`` by its end."""
    for node in tree(VIEWS / "registry.py").body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == name:
            assert node.value is not None
            return {own.attr for own in ast.walk(node.value) if isinstance(own, ast.Attribute)} | {
                own.value.id
                for own in ast.walk(node.value)
                if isinstance(own, ast.Attribute) and isinstance(own.value, ast.Name)
            }
    raise AssertionError(name)


def commands() -> set[str]:
    """Return the modules of which the lines of `mmfeat.cli.app` make commands."""
    return {
        own.value.id
        for node in tree(ROOT / "mmfeat" / "cli" / "app.py").body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        for argument in node.value.args
        for own in ast.walk(argument)
        if isinstance(own, ast.Attribute) and isinstance(own.value, ast.Name)
    }


REGISTRIES: dict[str, tuple[Callable[[], set[str]], Callable[[], set[str]]]] = {
    "importers": (
        lambda: {own.module for own in IMPORTERS.values()},
        lambda: modules("mmfeat/corpus", "OPTIONS", "read", "image_root"),
    ),
    "families of backbones": (
        lambda: set(FAMILIES.values()),
        lambda: modules("mmfeat/backbones/families"),
    ),
    "architectures": (
        lambda: {own.place.partition(".")[0] for own in ARCHITECTURES.values()},
        lambda: modules("mmfeat/sae/architectures"),
    ),
    "terms of the loss": (
        lambda: set(TERMS),
        lambda: modules("mmfeat/sae/objectives") - {"pair"},
    ),
    "parts of an atlas": (lambda: set(PARTS), writers),
    "exports": (lambda: set(KINDS.values()), lambda: modules("mmfeat/figures/kinds")),
    "commands": (
        commands,
        lambda: {
            file.stem
            for file in (ROOT / "mmfeat" / "cli").glob("*.py")
            if file.stem not in ("__init__", "app", "common", "completion", "version")
        },
    ),
    "panels": (lambda: listed_in_viewer("PANELS") & panels(), panels),
    "actions": (
        lambda: listed_in_viewer("ACTIONS") & {file.stem for file in VIEWS.glob("*.py")},
        lambda: {
            file.stem
            for file in VIEWS.glob("*.py")
            if file.stem != "registry" and defines(file, "ACTIONS")
        },
    ),
}


@pytest.mark.parametrize("name", REGISTRIES)
def test_a_registry_lists_every_file_of_its_kind_and_no_other(name: str) -> None:
    listed, there = (found() for found in REGISTRIES[name])
    assert listed == there
    assert len(there) > 1


def test_the_names_that_registries_give_are_in_their_files() -> None:
    for name in TERMS:
        assert defines(ROOT / "mmfeat" / "sae" / "objectives" / f"{name}.py", name)
    for settings in ARCHITECTURES.values():
        module, _, sae = settings.place.partition(".")
        assert defines(ROOT / "mmfeat" / "sae" / "architectures" / f"{module}.py", sae)
    for module in KINDS.values():
        assert defines(ROOT / "mmfeat" / "figures" / "kinds" / f"{module}.py", "KIND")


ARCHITECTURE = '''"""A ReLU SAE whose decoder rows keep unit norm."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.architectures.relu import ReLUSAE
from mmfeat.sae.base import UnitDecoder
from mmfeat.sae.codes import Codes


class StrictSAE(UnitDecoder):
    """An SAE with an L1 penalty."""

    architecture = "strict"

    def __init__(self, d_in: int, d_sae: int, sparsity: float) -> None:
        super().__init__(d_in, d_sae)
        self.sparsity_coefficient = sparsity

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        return pre.relu()

    def sparsity(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return the penalty of each row."""
        return self.sparsity_coefficient * codes.dense().sum(1)

    @torch.no_grad()
    def finished(self) -> ReLUSAE:
        """Return what is saved."""
        sae = ReLUSAE(self.d_in, self.d_sae)
        for name in self.saved:
            getattr(sae, name).copy_(getattr(self, name))
        return sae.requires_grad_(False).eval()
'''
ENTRY = '''class StrictSettings(Architecture):
    """One of a newcomer."""

    place = "strict.StrictSAE"
    architecture: Literal["strict"] = "strict"
    sparsity: Finite = Field(1.0, description="coefficient of the penalty")


'''
TERM = '''"""Mean squared difference of a pair's codes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair
from mmfeat.sae.settings import LossSettings


def nearness(pair: Pair, settings: LossSettings) -> Float[Tensor, ""]:
    """Return the mean squared difference of a pair's codes."""
    return pair.mean((pair.z_a.dense() - pair.z_b.dense()).square().sum(1))
'''
LINE = "    nearness: Annotated[Finite, Term(all_latents=True)] = 0.0\n"
# Trains both, alone and together, and saves what comes of it.
TRAINING = """
import json, sys
from pathlib import Path
import torch
import mmfeat
from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.combinations import check, check_ranks
from mmfeat.sae.interop import load_sae, save_sae
from mmfeat.sae.settings import load_settings
from mmfeat.sae.trainer import train_sae

def pairs(step):
    generator = torch.Generator().manual_seed(step)
    names = ("image.pooled", "text.pooled")
    rows = {name: torch.randn(32, 6, generator=generator) for name in names}
    language = {"image.pooled": torch.full((32,), -1), "text.pooled": torch.zeros(32, dtype=int)}
    weight = dict.fromkeys(names, torch.ones(32))
    return PairBatch(rows, language, weight, torch.arange(32), torch.arange(32))

folder, told = Path(sys.argv[1]), {}
x = torch.randn(64, 6, generator=torch.Generator().manual_seed(9))
for name, more in {"plain": {}, "near": {"loss.nearness": 50.0}}.items():
    settings = load_settings(None, {
        "sae.architecture": "strict", "sae.d_sae": 24, "sae.sparsity": 0.5,
        "optimiser.steps": 60, "optimiser.lr": 0.01, **more,
    })
    check(settings)
    saes = train_sae(pairs, 6, settings, folder / name)
    save_sae(folder / name / "sae", saes, {}, {})
    again = load_sae(folder / name / "sae").saes["image"]
    assert torch.equal(saes["image"].encode(x)[0], again.encode(x)[0])
    told[name] = float(again.encode(x)[0].square().sum())
refused = []
for call in (
    lambda: check(load_settings(None, {"sae.architecture": "strict", "support.mask": 0.1})),
    lambda: check_ranks(load_settings(None, {"loss.nearness": 1.0}), 1, 2),
    lambda: load_settings(None, {"sae.architecture": "strict", "sae.sparsity": -1.0}),
):
    try:
        call()
    except MmfeatError as error:
        refused.append(str(error))
print(json.dumps({"package": mmfeat.__file__, "codes": told, "refused": refused}))
"""


def test_an_architecture_and_a_term_are_a_file_and_an_entry_each(tmp_path: Path) -> None:
    package = tmp_path / "mmfeat"
    shutil.copytree(
        ROOT / "mmfeat", package, ignore=shutil.ignore_patterns("__pycache__", "openmoji-clip")
    )
    (package / "sae" / "architectures" / "strict.py").write_text(ARCHITECTURE, "utf-8")
    (package / "sae" / "objectives" / "nearness.py").write_text(TERM, "utf-8")
    settings = package / "sae" / "settings.py"
    text = settings.read_text("utf-8")
    before, after = "if TYPE_CHECKING:\n    SAESettings", "    temperature: float"
    assert text.count(before) == text.count(after) == 1
    settings.write_text(
        text.replace(before, ENTRY + before).replace(after, LINE + after), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert Path(told["package"]).is_relative_to(tmp_path)
    # The term pulls the codes of unrelated rows together, that is, to nothing.
    assert told["codes"]["near"] < 0.5 * told["codes"]["plain"]
    selects, ranks, sparsity = told["refused"]
    assert "support.mask needs an architecture that selects its support (topk" in selects
    assert "'strict'" in selects and "strict" not in selects.partition("(")[2].partition(")")[0]
    assert ranks.startswith("loss.nearness needs all latents in one process")
    assert sparsity.startswith("sae.sparsity: ")


def imports() -> dict[str, set[str]]:
    """Return which of our modules each of our modules imports when it is imported."""
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for root, package in ((ROOT, "mmfeat"), (ROOT / "gui", "mmfeat_gui"))
        for file in (root / package).rglob("*.py")
    }
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        names = found.setdefault(name, set())
        for node in tree(file).body:  # not what functions import, nor what types alone need
            if isinstance(node, ast.Import):
                names |= {own.name for own in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inside = {f"{node.module}.{own.name}" for own in node.names}
                names |= inside & files.keys() or {node.module}
        names &= files.keys() - {name}
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Modules that need none that is left are taken away, until only circles are."""
    left = imports()
    assert len(left) > 300
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def test_no_module_is_too_long_to_do_one_job() -> None:
    files = [
        *(ROOT / "mmfeat").rglob("*.py"),
        *(ROOT / "gui").rglob("*.py"),
        *(ROOT / "scripts").rglob("*.py"),
        ROOT / "scripts" / "demo",
        ROOT / "scripts" / "test",
    ]
    lines = {file: len(file.read_text("utf-8").splitlines()) for file in files}
    long = {str(file.relative_to(ROOT)): n for file, n in lines.items() if n > MOST_LINES}
    assert long == {}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/where.md"])
def test_what_a_page_for_newcomers_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    places = r"(?:mmfeat|gui|scripts|tests|docs|data|\.ci)/[\w./-]*"
    named = {own.rstrip("./") for own in re.findall(rf"[` ]({places})", text)}
    named.discard("docs/_build/html")
    assert len(named) > 8
    # Capitals stand for a name that is to be chosen; what is there then is the folder.
    missing = {own for own in named if not (ROOT / re.split(r"[\w.-]*[A-Z]{4,}", own)[0]).exists()}
    assert missing == set()
    for name, module in re.findall(r"`(\w+)` in `([\w./]+\.py)`", text):
        assert defines(ROOT / module, name), f"{page}: {name} in {module}"
    source = (ROOT / "mmfeat" / "sae" / "settings.py").read_text("utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert block in source
