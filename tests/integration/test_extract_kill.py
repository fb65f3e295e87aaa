from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mmfeat.hdf5 import stored_digest
from mmfeat.inspection import check
from tests.unit.store.small import Driver, save_corpus, save_model


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX")
@pytest.mark.parametrize(("processes", "wanted_kills", "longest"), [(1, 30, 0.8), (2, 10, 4.0)])
def test_killed_at_random_moments_it_resumes_to_the_same_content(
    tmp_path: Path, processes: int, wanted_kills: int, longest: float
) -> None:
    driver = Driver(save_corpus(tmp_path / "corpus"), save_model(tmp_path / "model"))
    try:
        driver.extract(tmp_path / "unbroken.h5")
        wanted = stored_digest(tmp_path / "unbroken.h5")
        out = tmp_path / "acts.h5"
        moments = random.Random(processes)
        kills = finished = resumed = 0
        few = wanted_kills // 5  # a busy machine may have nothing to show at so many moments
        while kills < wanted_kills or (resumed <= few and kills < 3 * wanted_kills):
            before = [
                *tmp_path.glob(".acts.h5.parts/*.safetensors"),
                *tmp_path.glob("acts.shards/*.h5"),
            ]
            after = moments.uniform(0.05, longest)
            found = driver.extract(out, processes=processes, kill_after=after)
            killed = found["killed"]
            assert any(killed) or "error" not in found, found
            resumed += len(before) > 0
            if any(killed):
                kills += 1
            if out.exists():  # it came so far
                assert stored_digest(out) == wanted
                out.unlink()
                finished += 1
                for shard in out.with_suffix(".shards").glob("*.h5"):
                    shard.unlink()
        assert resumed > few
        assert "error" not in driver.extract(out, processes=processes)
        assert stored_digest(out) == wanted
        assert check(out)["whole"]
        left = {path.name for path in tmp_path.iterdir()} - {"corpus", "model", "unbroken.h5"}
        assert left <= {"acts.h5", "acts.shards"}
        assert not list(tmp_path.rglob("*.tmp"))
    finally:
        driver.close()
