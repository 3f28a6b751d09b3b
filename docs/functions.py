"""Write docs/reference/functions.md from the entries that tests hold: `python docs/functions.py`.

The entries stand in tests/parallel/entries/; tests/parallel/test_reference.py checks each of them.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "reference" / "functions.md"
sys.path.insert(0, str(HERE.parent / "tests" / "parallel"))

from entries import RESULTS, all_entries  # noqa: E402

HEAD = """# What each function does to traffic, maps and memory

LOCAL: sends nothing and waits for nobody. COLLECTIVE: all ranks must call it together. "COLLECTIVE
where maps differ": LOCAL if all operands have the same map. Each line is tested: the traffic is
counted, the map and the memory of the result compared, on several maps and rank counts.

This page is made by `python docs/functions.py` from the entries in `tests/parallel/entries/`.
"""
TABLE = "| function | who takes part | map of the result | memory |\n|---|---|---|---|\n"


def page() -> str:
    """The page as text."""
    parts = [HEAD]
    for area, entries in all_entries().items():
        rows = [row(e) for e in sorted(entries, key=lambda e: e.name.split(".", 1)[-1])]
        parts.append(f"\n## {area.replace('_', ' ').capitalize()}\n\n{TABLE}{''.join(rows)}")
    return "".join(parts)


def row(entry) -> str:
    memory = f"{entry.memory}; {entry.note}" if entry.note else entry.memory
    return f"| `{entry.name}` | {entry.talk} | {RESULTS[entry.result][0]} | {memory} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
