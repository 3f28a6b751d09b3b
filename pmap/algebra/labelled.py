"""A DistArray whose axes carry labels, as products need it."""

from dataclasses import dataclass

from ..arrays.distarray import DistArray
from ..layout.maps import AxisMap


@dataclass(frozen=True)
class Labelled:
    """A DistArray whose axes carry different labels."""

    array: DistArray
    labels: tuple

    def axis(self, label: object) -> AxisMap:
        """How a label's axis lies on the lattice."""
        return self.array.map.axes[self.labels.index(label)]

    def pieces(self, label: object) -> int:
        """Pieces into which a label's axis is cut; 1 for a label that is not here."""
        if label not in self.labels:
            return 1
        return self.array.map.pieces_along(self.labels.index(label))

    def lengths(self) -> dict:
        """Label -> length."""
        return dict(zip(self.labels, self.array.shape, strict=True))
