from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, get_ident

import pytest
import torch

from mmfeat.analysis.threads import side_by_side


@pytest.fixture
def two() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two")
def test_two_run_at_a_time_on_a_thread_each_and_come_in_order() -> None:
    together = Barrier(2, timeout=60)  # breaks unless two are there at once

    def compute(number: int) -> tuple[int, int, int]:
        together.wait()
        return number, torch.get_num_threads(), get_ident()

    found = list(side_by_side(compute, range(6)))
    assert [number for number, _, _ in found] == list(range(6))
    assert {threads for _, threads, _ in found} == {1}
    assert len({thread for _, _, thread in found}) == 2
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two")
def test_an_error_comes_out_and_threads_are_as_before() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda number: 1 // number, [1, 0, 2]))
    assert torch.get_num_threads() == 2
