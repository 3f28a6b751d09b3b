"""The state of a Neuroglancer viewer that shows exported layers, as a dict.

Source: google/neuroglancer, its JSON state; colours as in the paper's overlays: neurons red, glia
blue.
"""

from collections.abc import Mapping, Sequence

CLASS_COLORS = {"unclassified": "#ffd030", "neuron": "#ff3020", "glia": "#3070ff"}
"""Colour of each class; the order numbers the classes in annotations."""

CHANNEL_COLORS = ("#ffffff", "#40ff40", "#ff40ff", "#40ffff", "#ffa040")

IMAGE_SHADER = """#uicontrol invlerp normalized
#uicontrol vec3 color color(default="{color}")
void main() {{
  emitRGB(color * normalized());
}}
"""

POINT_SHADER = """#uicontrol float size slider(min=1, max=20, default=7)
void main() {
  setColor(prop_color());
  setPointMarkerSize(size);
  setPointMarkerBorderWidth(1.5);
  setPointMarkerBorderColor(prop_cfos() == 1u ? vec4(0, 1, 0, 1) : vec4(0, 0, 0, 0.6));
}
"""


def viewer_state(
    url: str,
    voxel_um: Sequence[float],
    shape: Sequence[int],
    layers: Sequence[dict],
) -> dict:
    """State of a viewer that looks at the middle of the volume in four panels.

    Parameters
    ----------
    url : str
        Where the folder of the layers is served.
    voxel_um, shape : (z, y, x)
        Voxel size, microns, and lengths of the volume.
    layers : sequence of dict
        From the functions below; `source` is the folder's name.
    """
    names = zip("xyz", tuple(voxel_um)[::-1], strict=True)
    extent_um = [n * v for n, v in zip(shape, voxel_um, strict=True)]
    return {
        "dimensions": {axis: [float(f"{um * 1e-6:.10g}"), "m"] for axis, um in names},
        "position": [n // 2 + 0.5 for n in shape[::-1]],
        # a panel of about 400 pixels shows the whole plane
        "crossSectionScale": max(extent_um[1:]) / min(voxel_um) / 400,
        "projectionScale": max(extent_um) / min(voxel_um) * 1.5,
        "layers": [
            {**layer, "source": f"precomputed://{url.rstrip('/')}/{layer['source']}"}
            for layer in layers
        ],
        "layout": "4panel",
        "crossSectionBackgroundColor": "#000000",
    }


def image_layer(name: str, number: int, low: float, high: float) -> dict:
    """Layer of an image channel in a colour of its own, shown from `low` to `high`."""
    color = CHANNEL_COLORS[number % len(CHANNEL_COLORS)]
    return {
        "type": "image",
        "name": name,
        "source": name,
        "shader": IMAGE_SHADER.format(color=color),
        "shaderControls": {"normalized": {"range": [low, high]}},
        "blend": "additive" if number else "default",
    }


def labels_layer(
    name: str, classes: Mapping[int, str], alpha: float, linked: str | None = None
) -> dict:
    """Layer of segments in the colours of their classes; `classes` gives the class of an id.

    The commonest class is the default colour, so that only the others are listed. A layer that is
    `linked` to another shows the same segments in the same colours.
    """
    layer = {
        "type": "segmentation",
        "name": name,
        "source": name,
        "segments": [],
        "selectedAlpha": alpha,
        "notSelectedAlpha": 0,
    }
    if linked:
        layer["linkedSegmentationGroup"] = layer["linkedSegmentationColorGroup"] = linked
    if classes:
        counts = {c: list(classes.values()).count(c) for c in CLASS_COLORS}
        common = max(counts, key=counts.get)
        layer["segmentDefaultColor"] = CLASS_COLORS[common]
        layer["segmentColors"] = {
            str(i): CLASS_COLORS[c] for i, c in classes.items() if c != common
        }
    return layer


def points_layer(name: str, linked: str | None) -> dict:
    """Layer of centroids in the colours of their classes; c-Fos positive ones have a green rim."""
    layer = {
        "type": "annotation",
        "name": name,
        "source": name,
        "shader": POINT_SHADER,
    }
    if linked:
        layer["linkedSegmentationLayer"] = {"segment": linked}
    return layer
