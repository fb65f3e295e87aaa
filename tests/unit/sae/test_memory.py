from __future__ import annotations

import subprocess
import sys

import pytest

_FAULTS = """
import resource
import torch
from mmfeat.sae.memory import keep_freed_memory
keep_freed_memory()

def step():
    x = torch.ones(512, 2048)
    return float((x * 2 + 1).sum())

for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_the_tensors_of_a_step_take_no_new_pages() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True, timeout=120
    )
    # Three tensors of 4 MiB are 3,072 pages of 4 KiB.
    assert float(found.stdout) < 300
