"""einsum on any maps: subscripts read as NumPy reads them, operands contracted in pairs."""

from collections import Counter
from collections.abc import Sequence
from string import ascii_letters

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import ShapeError
from ..registry import implements
from .contraction import contract
from .operands import arrays, distributed, put_out, refuse, scalar


def parse(operands: Sequence) -> tuple[list[list], list | None, list]:
    """Labels of each operand, those of the result (None where implicit), and the operands (pure).

    An ellipsis stays an Ellipsis until shapes are known.

    Examples
    --------
    >>> parse(("ij,jk", 0, 0))[:2]
    ([['i', 'j'], ['j', 'k']], None)
    >>> parse((0, [0, ...], [...]))[:2]
    ([[0, Ellipsis]], [Ellipsis])
    """
    if not operands:
        raise ShapeError("einsum: must specify the einstein sum subscripts string and operands")
    if isinstance(operands[0], str):
        text, values = operands[0].replace(" ", ""), list(operands[1:])
        inputs, arrow, output = text.partition("->")
        labels = [_letters(part, text) for part in inputs.split(",")]
        out = _letters(output, text) if arrow else None
    else:
        pairs = len(operands) // 2
        values = list(operands[: 2 * pairs : 2])
        labels = [list(part) for part in operands[1 : 2 * pairs : 2]]
        out = list(operands[-1]) if len(operands) % 2 else None
    if len(labels) != len(values):
        raise ShapeError(f"einsum: subscripts for {len(labels)} operands, but {len(values)} given")
    return labels, out, values


def _letters(part: str, text: str) -> list:
    """The labels of one operand, its ellipsis as Ellipsis."""
    before, dots, after = part.partition("...")
    if not all(c in ascii_letters for c in before + after):
        raise ShapeError(f"einsum: invalid subscripts {text!r}: letters, commas, '...' and '->'")
    return [*before, *([...] if dots else []), *after]


def spelled(labels: list[list], out: list | None, ndims: list[int]) -> tuple[list, list]:
    """Labels with ellipses written out as numbered axes, and the result's labels (pure).

    Examples
    --------
    >>> spelled([["i", ...], [...]], None, [2, 2])
    ([['i', ('...', 1)], [('...', 2), ('...', 1)]], [('...', 2), ('...', 1), 'i'])
    """
    full, widest = [], 0
    for part, ndim in zip(labels, ndims, strict=True):
        more = ndim - len(part) + (... in part)
        if more < 0 or (... not in part and more):
            raise ShapeError(f"einsum: subscripts {_words(part)!r} for an operand of {ndim} axes")
        widest = max(widest, more)
        full.append(_with_dots(part, more))
    if out is None:
        counted = Counter(k for part in labels for k in part if k is not ...)
        once = sorted(k for k, count in counted.items() if count == 1)
        out = [..., *once] if any(... in part for part in labels) else once
    out = _with_dots(out, widest)
    known = {k for part in full for k in part}
    if len(set(out)) != len(out) or not set(out) <= known:
        raise ShapeError(
            f"einsum: the result's subscripts {_words(out)!r} name a label twice, or one that no "
            "operand has"
        )
    return full, out


def _with_dots(part: list, more: int) -> list:
    dots = [("...", more - i) for i in range(more)]
    return [k for label in part for k in (dots if label is ... else [label])]


def _words(part: list) -> str:
    return "".join("..." if k is ... else str(k) for k in part)


@implements(np.einsum)
def einsum(
    *operands: object,
    out: object = None,
    dtype: object = None,
    casting: str = "safe",
    optimize: object = False,
    **kw: object,
) -> object:
    """Sums of products by subscripts, as ``numpy.einsum``. COLLECTIVE.

    Parameters
    ----------
    *operands
        ``"ij,jk->ik", A, B`` or ``A, [0, 1], B, [1, 2], [0, 2]``; ellipses, implicit results and
        diagonals as in NumPy.
    out : DistArray, optional
        Where the result goes.
    dtype, casting
        Type of the sums.
    optimize : bool, str or list
        Order of the pairs, as ``numpy.einsum_path`` makes it; operands are always taken in pairs.

    Returns
    -------
    DistArray or scalar
        Map as that of :func:`matmul`, of the last pair; for one operand its splits on the axes
        that it keeps.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.ones((2, 3), map=pm.Map([1, 1]))
    >>> pm.einsum("ij,kj->ik", A, A).local
    array([[3., 3.],
           [3., 3.]])
    """
    if not distributed(operands):
        return np.einsum(*operands, out=out, dtype=dtype, casting=casting, optimize=optimize, **kw)
    kw.pop("order", None)
    refuse("np.einsum", kw, "the operands, out, dtype, casting and optimize")
    labels, output, values = parse(operands)
    values = arrays(*values)
    labels, output = spelled(labels, output, [x.ndim for x in values])
    found_type = np.dtype(dtype or np.result_type(*(x.dtype for x in values)))
    if not all(np.can_cast(x.dtype, found_type, casting) for x in values):
        raise TypeError(
            f"einsum: cannot cast {[str(x.dtype) for x in values]} to {found_type} according to "
            f"the rule {casting!r}"
        )
    values = [x.astype(found_type, copy=False) for x in values]
    x, part = _contracted(_without_ones(values, labels), output, optimize)
    result = x.transpose([part.index(k) for k in output]) if part != output else x
    if out is not None:
        return put_out("np.einsum", out, result)
    return result if result.ndim else scalar(result)


def _contracted(terms: list[tuple], output: list, optimize: object) -> tuple[DistArray, list]:
    """All operands as one that has the result's labels in some order."""
    for chosen in _order(terms, output, optimize):
        pending = [terms[i] for i in sorted(chosen)]
        terms = [t for i, t in enumerate(terms) if i not in chosen]
        first, *pending = pending
        while pending:
            second, *pending = pending
            kept = {k for _, part in (*terms, *pending) for k in part} | set(output)
            first = _pair(first, second, kept, output)
        terms.append(first)
    return _alone(*terms[0], set(output))


def _without_ones(values: list[DistArray], labels: list[list]) -> list[tuple]:
    """Operands with each label once and of one length: diagonals taken, repeated axes dropped."""
    lengths: dict = {}
    for x, part in zip(values, labels, strict=True):
        for k, n in zip(part, x.shape, strict=True):
            if lengths.setdefault(k, n) == 1:
                lengths[k] = n
            elif n not in (1, lengths[k]):
                shapes = " ".join(str(v.shape) for v in values)
                raise ShapeError(
                    f"einsum: operands could not be broadcast together: label {_words([k])!r} has "
                    f"lengths {lengths[k]} and {n}; shapes {shapes}"
                )
    terms = []
    for x, part in zip(values, labels, strict=True):
        drop = [lengths[k] != 1 and n == 1 for k, n in zip(part, x.shape, strict=True)]
        if any(drop):
            x = x[(*(0 if d else slice(None) for d in drop), Ellipsis)]
        kept = [k for k, d in zip(part, drop, strict=True) if not d]
        terms.append(_diagonals(x, kept))
    return terms


def _diagonals(x: DistArray, part: list) -> tuple[DistArray, list]:
    """The operand with each label once."""
    while len(set(part)) < len(part):
        k = next(k for k in part if part.count(k) > 1)
        a = part.index(k)
        b = part.index(k, a + 1)
        x = np.diagonal(x, 0, a, b)
        part = [p for i, p in enumerate(part) if i not in (a, b)] + [k]
    return x, part


def _order(terms: list[tuple], output: list, optimize: object) -> list[tuple]:
    """Which operands are contracted one after the other, as places in the shrinking list."""
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return [tuple(pair) for pair in optimize[1:]]
    names: dict = {}
    texts = ["".join(names.setdefault(k, _letter(len(names))) for k in part) for _, part in terms]
    text = ",".join(texts) + "->" + "".join(names[k] for k in output)
    stand_ins = [np.broadcast_to(np.zeros(()), x.shape) for x, _ in terms]
    way = "greedy" if optimize in (False, True) else optimize
    return [tuple(pair) for pair in np.einsum_path(text, *stand_ins, optimize=way)[0][1:]]


def _letter(i: int) -> str:
    if i >= len(ascii_letters):
        raise ShapeError(f"einsum: more than {len(ascii_letters)} different labels")
    return ascii_letters[i]


def _alone(x: DistArray, part: list, kept: set) -> tuple[DistArray, list]:
    """The operand summed over the labels that nothing else needs."""
    gone = tuple(a for a, k in enumerate(part) if k not in kept)
    if not gone:
        return x, part
    found = x.any(gone) if x.dtype == bool else x.sum(gone, dtype=x.dtype)
    return arrays(x, found)[1], [k for k in part if k in kept]


def _pair(first: tuple, second: tuple, kept: set, output: list) -> tuple[DistArray, list]:
    """Two operands as one that has the labels still needed."""
    x, labels1 = _alone(*first, kept | set(second[1]))
    y, labels2 = _alone(*second, kept | set(labels1))
    out = [k for k in labels1 if k in kept]
    out += [k for k in labels2 if k in kept and k not in labels1]
    out = output if set(out) == set(output) else out
    summed = [k for k in labels1 if k not in out]
    if summed and set(labels1) != set(labels2):
        return contract(x, labels1, y, labels2, out, "einsum"), out
    order = [*out, *summed]
    product = _aligned(x, labels1, order) * _aligned(y, labels2, order)
    return _alone(product, order, set(out))


def _aligned(x: DistArray, part: list, order: list) -> DistArray:
    """The operand with its axes in this order, new axes where it lacks a label: a view."""
    x = x.transpose([part.index(k) for k in order if k in part])
    return x[(*(slice(None) if k in part else None for k in order), Ellipsis)]


@implements(np.einsum_path)
def einsum_path(*operands: object, optimize: object = "greedy", **kw: object) -> tuple[list, str]:
    """Order in which einsum contracts pairs, as ``numpy.einsum_path``: from shapes alone. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.ones((2, 3), map=pm.Map([1, 1]))
    >>> pm.einsum_path("ij,kj->ik", A, A)[0]
    ['einsum_path', (0, 1)]
    """
    plain = [
        np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, DistArray) else x
        for x in operands
    ]
    return np.einsum_path(*plain, optimize=optimize, **kw)
