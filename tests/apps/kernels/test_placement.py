"""Global placement: exact where links agree, robust where some are wrong."""

import numpy as np
import pytest

from pmap.apps.kernels.placement import Link, groups, place
from tests.apps.kernels.cut_tiles import neighbours


def grid_of(rows, cols, seed):
    rng = np.random.default_rng(seed)
    nominal = {(r, c): (0, 80 * r, 80 * c) for r in range(rows) for c in range(cols)}
    truth = {k: tuple(int(v) for v in p + rng.integers(-5, 6, 3)) for k, p in nominal.items()}
    least = np.min(list(truth.values()), axis=0)
    truth = {k: tuple(int(v) for v in p - least) for k, p in truth.items()}
    links = [
        Link(a, b, tuple(int(v) for v in np.subtract(truth[b], truth[a])), 0.9)
        for a, b, _ in neighbours((rows, cols))
    ]
    return nominal, truth, links


def wrong(link, by=(3, -7, 11), **kw):
    return Link(link.a, link.b, tuple(int(v) for v in np.add(link.shift, by)), link.score, **kw)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 4), (2, 2), (3, 3), (4, 5)])
def test_links_that_agree_give_the_truth(rows, cols):
    nominal, truth, links = grid_of(rows, cols, seed=rows * 10 + cols)
    result = place(list(truth), nominal, links)
    assert result.positions == truth
    assert result.rejected == [] and result.unlinked == []


@pytest.mark.parametrize("bad", range(12))
def test_one_wrong_link_is_rejected(bad):
    nominal, truth, links = grid_of(3, 3, seed=1)
    links[bad] = wrong(links[bad], weight=0.5)
    result = place(list(truth), nominal, links)
    assert result.positions == truth
    assert [link for link, _ in result.rejected] == [links[bad]]


def test_a_wrong_link_of_a_single_loop_goes_by_its_weight():
    nominal, truth, links = grid_of(2, 2, seed=2)
    links[1] = wrong(links[1], weight=0.2)
    result = place(list(truth), nominal, links)
    assert result.positions == truth


def test_a_wrong_strong_link_moves_to_its_other_shift():
    nominal, truth, links = grid_of(2, 2, seed=3)
    links[2] = wrong(links[2], weight=5.0, others=(((0, 1, 2), 0.6), (links[2].shift, 0.7)))
    result = place(list(truth), nominal, links)
    assert result.positions == truth
    assert len(result.used) == 4 and result.rejected == []
    assert result.used[-1].score == 0.7


def test_small_disagreements_are_averaged():
    tiles = [(0, 0), (0, 1), (1, 0), (1, 1)]
    links = [
        Link((0, 0), (0, 1), (0, 0, 80), 0.9), Link((1, 0), (1, 1), (0, 0, 81), 0.9),
        Link((0, 0), (1, 0), (0, 80, 0), 0.9), Link((0, 1), (1, 1), (0, 80, 0), 0.9),
    ]  # fmt: skip
    result = place(tiles, dict.fromkeys(tiles, (0, 0, 0)), links)
    assert result.rejected == []
    assert result.positions[1, 1][2] in (80, 81)


def test_a_tile_without_a_link_keeps_the_corrected_step_of_the_stage():
    nominal = {(0, c): (0, 0, 80 * c) for c in range(4)}
    links = [
        Link((0, 0), (0, 1), (0, 1, 77), 0.9), Link((0, 1), (0, 2), (0, 1, 77), 0.9),
        Link((0, 2), (0, 3), (4, 4, 4), 0.1, weight=0.0),
    ]  # fmt: skip
    result = place(list(nominal), nominal, links)
    assert result.unlinked == [(0, 3)]
    assert result.positions[0, 3] == (0, 3, 231)
    assert [reason for _, reason in result.rejected] == ["too weak"]


def test_without_any_link_the_tiles_lie_where_the_stage_put_them():
    nominal, truth, _ = grid_of(2, 3, seed=4)
    result = place(list(truth), nominal, [])
    assert result.positions == nominal
    assert len(result.unlinked) == 5


def test_two_groups_are_set_beside_each_other():
    nominal = {(r, c): (0, 80 * r, 80 * c) for r in range(2) for c in range(3)}
    links = [Link((r, c), (r, c + 1), (0, 2, 78), 0.9) for r in range(2) for c in range(2)]
    result = place(list(nominal), nominal, links)
    assert result.positions[0, 2] == (0, 4, 156)
    assert result.positions[1, 0] == (0, 80, 0)
    assert result.positions[1, 2] == (0, 84, 156)
    assert groups(list(nominal), links)[0] == [(0, 0), (0, 1), (0, 2)]
