"""Build the documentation as web pages: `make docs` writes build/docs/index.html.

Pages are the Markdown files of this folder, plus one page of reference made of the docstrings of
all public names.
"""

import html
import inspect
import re
import shutil
from pathlib import Path

import markdown

import pmap as pm

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "build" / "docs"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title><style>
body {{ margin:0; font:16px/1.6 system-ui, "DejaVu Sans", sans-serif; color:#1d2530 }}
nav {{ background:#f5f7fa; border-bottom:1px solid #dfe5ec; padding:12px 24px }}
main {{ max-width:820px; margin:0 auto; padding:24px }}
pre {{ background:#f5f7fa; border:1px solid #dfe5ec; border-radius:8px; padding:12px;
  overflow:auto; font-size:14px }}
code {{ font-size:.92em }} a {{ color:#2d6cdf }} img {{ max-width:100% }}
table {{ border-collapse:collapse }} td, th {{ border:1px solid #dfe5ec; padding:5px 10px;
  text-align:left; vertical-align:top }}
</style><nav><a href="{up}index.html">pmap</a> · <a href="{up}api.html">public names</a></nav>
<main>{body}</main></html>
"""


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    for page in sorted(HERE.rglob("*.md")):
        name = page.relative_to(HERE)
        write(name.with_suffix(".html"), render(page.read_text(encoding="utf-8")))
    shutil.copytree(HERE / "images", OUT / "images", dirs_exist_ok=True)
    write(Path("api.html"), public_names())
    print(OUT / "index.html")


def render(text: str) -> str:
    """Markdown as HTML; links between pages follow them to .html."""
    body = markdown.markdown(text, extensions=["tables", "fenced_code"])
    return re.sub(r'href="(?!https?:)([^"]+)\.md(#[^"]*)?"', r'href="\1.html\2"', body)


def write(name: Path, body: str) -> None:
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", body)
    up = "../" * (len(name.parts) - 1)
    title = heading[1] if heading else "pmap"
    path.write_text(PAGE.format(title=title, up=up, body=body), encoding="utf-8")


def public_names() -> str:
    """One entry for each public name: signature and docstring."""
    parts = ["<h1>Public names</h1>"]
    for name in dir(pm):
        if name.startswith("_") or name in ("Np", "Pid"):
            continue
        value = getattr(pm, name)
        if inspect.ismodule(value):
            for inner in getattr(value, "__all__", []):
                parts.append(entry(f"{name}.{inner}", getattr(value, inner)))
        else:
            parts.append(entry(name, value))
    return "\n".join(parts)


def entry(name: str, value: object) -> str:
    try:
        signature = str(inspect.signature(value))
    except (TypeError, ValueError):
        signature = ""
    text = html.escape(inspect.getdoc(value) or "")
    head = f'<h3 id="{name}"><code>pm.{name}</code></h3>'
    return f"{head}<p><code>{html.escape(signature)}</code></p><pre>{text}</pre>"


if __name__ == "__main__":
    main()
