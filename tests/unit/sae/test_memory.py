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
    x = torch.ones(5120, 2048)
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
    # Three tensors of 40 MiB are 30,720 pages of 4 KiB.
    assert float(found.stdout) < 300


_GIVEN_BACK = """
import os
from concurrent.futures import ThreadPoolExecutor
from mmfeat.sae.memory import give_freed_memory_back

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

def work():
    blocks = [bytearray(b"x" * 60_000) for _ in range(4000)]  # below the threshold of mmap
    return blocks[::500]  # a few that are kept hold the rest of their arena

before = resident()
with ThreadPoolExecutor(1) as pool:
    kept = pool.submit(work).result()
held = resident()
give_freed_memory_back()
print(held - before, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_a_thread_freed_is_given_back() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _GIVEN_BACK], capture_output=True, text=True, check=True, timeout=120
    )
    held, left = map(int, found.stdout.split())
    assert held > 150  # MiB of 229: without it, most would stay
    assert left < 30
