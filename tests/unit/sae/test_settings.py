from __future__ import annotations

from pathlib import Path

import pytest

from mmfeat.errors import MmfeatError
from mmfeat.sae.settings import load_settings, parse_overrides


def test_a_file_and_overrides_are_put_together(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('streams = ["image.pooled"]\n[sae]\nd_sae = 64\nk = 4\n')
    settings = load_settings(file, parse_overrides(["sae.k=8", "optimiser.lr=1e-4", "hook=lm"]))
    assert (settings.sae.d_sae, settings.sae.k, settings.optimiser.lr) == (64, 8, 1e-4)
    assert (settings.hook, settings.streams) == ("lm", ("image.pooled",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sae]\nsize = 3\n", r"a.toml: sae.size: Extra inputs"),
        ("[sae]\nd_sae = -3\n", r"a.toml: sae.d_sae: Input should be greater"),
        ("[sae]\nd_sae = 8\nk = 9\n", r"a.toml: sae: .*k is 9, more than d_sae 8"),
        ('streams = ["text.pooled", "text.pooled"]', "streams: .*a stream is given twice"),
        ("sae = [", "is not a TOML file"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(text)
    with pytest.raises(MmfeatError, match=message):
        load_settings(file)


def test_a_missing_file_and_a_wrong_assignment_are_named(tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match="does not exist"):
        load_settings(tmp_path / "a.toml")
    with pytest.raises(MmfeatError, match="is not of the form key=value"):
        parse_overrides(["sae.k"])
    with pytest.raises(MmfeatError, match="'hook' in 'hook.x' is no section"):
        load_settings(None, {"hook": "joint", "hook.x": 1})


def test_a_wrong_override_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[sae]\nd_sae = 64\nk = 4\n")
    with pytest.raises(MmfeatError, match=r"^batch.pool: Input should be greater"):
        load_settings(file, parse_overrides(["batch.pool=-1"]))
