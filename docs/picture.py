"""Make the picture of README from a run: `python docs/picture.py demo/run`."""

import base64
import io
import re
import sys
from pathlib import Path

from PIL import Image

WIDTH_PX = 900
OUT = Path(__file__).resolve().parent / "images" / "overlay.png"


def main(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    data = re.search(r'src="data:image/png;base64,([^"]+)"', page)[1]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    wide = picture.crop((0, 0, picture.width, picture.height // 2))
    size = (WIDTH_PX, round(wide.height * WIDTH_PX / wide.width))
    small = wide.resize(size, Image.Resampling.LANCZOS)
    small.quantize(128).save(OUT, optimize=True)
    print(OUT, OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
