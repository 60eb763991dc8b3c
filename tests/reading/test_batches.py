"""How pages are dealt out to the children that read them."""

from __future__ import annotations

import pytest
from upath import UPath

from octavo.reading.pool import LocalDocument, PageOf, batches

SOURCE = LocalDocument("0" * 64, UPath("letter.pdf"), "application/pdf")


@pytest.mark.parametrize(("number", "processes", "most", "sizes"), [
    pytest.param(11, 2, 8, [5, 3, 2, 1], id="they get smaller"),
    pytest.param(40, 2, 8, [8, 8, 8, 7, 4, 2, 2, 1], id="none has more than the most"),
    pytest.param(3, 8, 8, [1, 1, 1], id="fewer pages than children"),
    pytest.param(3, 1, 1, [1, 1, 1], id="one by one"),
])
def test_every_page_is_in_one_batch_in_order(number: int, processes: int, most: int, sizes: list[int]) -> None:
    pages: list[PageOf] = [(SOURCE, page) for page in range(1, number + 1)]
    dealt = list(batches(pages, processes, most))
    assert [page for batch in dealt for page in batch] == pages
    assert [len(batch) for batch in dealt] == sizes
