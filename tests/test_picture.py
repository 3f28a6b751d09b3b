"""Pictures of ownership."""

import numpy as np

import pmap as pm
from pmap.arrays.distarray import DistArray
from pmap.layout.maps import Map


class OneOfFour:
    rank, size = 0, 4


def array_on(array_map, shape):
    return DistArray(np.zeros(array_map.local_shape(shape, 0)), shape, array_map, OneOfFour())


def test_owners_are_drawn_where_they_own():
    text = pm.ownership(array_on(Map([2, 2], ["b", "c"], range(4)), (4, 4)))
    assert text.splitlines()[1:] == ["0 1 0 1", "0 1 0 1", "2 3 2 3", "2 3 2 3"]


def test_large_replicated_and_empty_arrays():
    assert len(pm.ownership(array_on(Map([4, 1], "b", range(4)), (999, 999))).splitlines()) == 25
    full = Map([2, 2], "b", range(4))
    replicated = full.with_axes((full.axes[0],))
    assert pm.ownership(array_on(replicated, (2,))).splitlines()[1] == "0+ 2+"
    assert "no elements" in pm.ownership(array_on(Map([4], "b", range(4)), (0,)))


def test_show_prints_once(capsys):
    pm.show(np.arange(3))
    pm.show(pm.arange(3, map=pm.Map([1])))
    assert capsys.readouterr().out.splitlines()[-1] == "0 0 0"
