"""Properties of segments for Neuroglancer's list of segments: label, tags, numbers.

Source: google/neuroglancer, datasource/precomputed/segment_properties.md.
"""

from collections.abc import Mapping, Sequence

import numpy as np


def segment_properties(
    ids: np.ndarray,
    labels: Sequence[str],
    tags: Mapping[str, np.ndarray],
    numbers: Mapping[str, np.ndarray],
) -> dict:
    """The `info` of a folder of segment properties.

    Parameters
    ----------
    ids : (n,) array of int
        Segment ids.
    labels : sequence of str
        A name for each segment.
    tags : mapping of str to (n,) bool
        For each tag, which segments have it.
    numbers : mapping of str to (n,) array
        Shown and sorted by in the list; stored as float32, which JSON writes without NaN: a number
        that is missing becomes 0.
    """
    marks = np.array([np.asarray(m, bool) for m in tags.values()]).reshape(len(tags), len(ids))
    properties = [
        {"id": "label", "type": "label", "values": list(labels)},
        {
            "id": "tags",
            "type": "tags",
            "tags": list(tags),
            "values": [np.flatnonzero(m).tolist() for m in marks.T],
        },
    ]
    for name, values in numbers.items():
        plain = np.nan_to_num(np.asarray(values, np.float64))
        properties.append(
            {
                "id": name,
                "type": "number",
                "data_type": "float32",
                "values": [float(f"{v:.7g}") for v in plain],
            }
        )
    return {
        "@type": "neuroglancer_segment_properties",
        "inline": {"ids": [str(i) for i in ids.tolist()], "properties": properties},
    }
