"""``python -m pmap doctor|info|version``."""

import sys

from . import doctor

USAGE = """usage: python -m pmap VERB

  doctor   look for everything that can be wrong here, and say what to do
  info     print versions and the machine as JSON
  version  print the version

Programs are started by pRUN, or `python -m pmap.launch.prun`."""


def main(argv: list[str] | None = None) -> int:
    """Run a verb; 1 if the doctor finds a fault, 2 if there is no such verb."""
    words = sys.argv[1:] if argv is None else argv
    if words == ["doctor"]:
        return doctor.doctor()
    if words == ["info"]:
        return doctor.info()
    if words in (["version"], ["--version"]):
        print(doctor.version())
        return 0
    if words in (["--help"], ["-h"]):
        print(USAGE)
        return 0
    print(f"no verb {' '.join(words)!r}\n{USAGE}" if words else USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
