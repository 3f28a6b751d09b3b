"""Interior and edges of boxes tile them, and an interior's halo lies inside its box."""

from hypothesis import given
from hypothesis import strategies as st

from pmap.images.interiors import split
from pmap.images.tiling import grown


@st.composite
def cases(draw):
    box, halo, shape = [], [], []
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 12))
        start = draw(st.integers(0, n - 1))
        box.append(slice(start, draw(st.integers(start + 1, n))))
        halo.append((draw(st.integers(0, 4)), draw(st.integers(0, 4))))
        shape.append(n)
    return tuple(box), tuple(halo), tuple(shape)


def voxels(box):
    points = {()}
    for s in box:
        points = {(*p, i) for p in points for i in range(s.start, s.stop)}
    return points


@given(cases())
def test_interior_and_edges_tile_the_box(case):
    box, halo, shape = case
    found = split(box, halo, shape)
    reach = grown(box, halo, shape)
    if found is None:
        return
    interior, edges = found
    parts = [voxels(part) for part in (interior, *edges)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(voxels(box))
    assert voxels(grown(interior, halo, shape)) <= voxels(box)
    assert all(voxels(grown(edge, halo, shape)) <= voxels(reach) for edge in edges)
