"""The command pRUN: all before TARGET is pRUN's, all after it is the target's."""

import argparse
import sys
from pathlib import Path

from . import submit
from .errors import JobError
from .job import Job
from .targets import apps, near, resolve

LATER = ("--slurm", "--triples", "--partition", "--wait", "--background", "--explain")
USAGE_CODE = 2


class _Parser(argparse.ArgumentParser):
    """Errors are one line and say what would be right."""

    def format_help(self) -> str:
        """Name the apps: looked up only here, because every start would pay for it."""
        self.epilog = (
            "TARGET is a file (ends in .py or contains /), the verb doctor, or an app:\n"
            f"  {' '.join(apps())}\n\n"
            "example: pRUN -n 4 script.py --fast"
        )
        return super().format_help()

    def error(self, message: str) -> None:
        raise JobError(message)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code of the job."""
    words = sys.argv[1:] if argv is None else argv
    try:
        return _run(words)
    except JobError as error:
        print(f"pRUN: {error}", file=sys.stderr)
        return USAGE_CODE


def _run(words: list[str]) -> int:
    parser = _parser()
    options, unknown = parser.parse_known_args(words)
    if unknown:
        raise JobError(_about(unknown[0], parser))
    if options.target is None:
        parser.print_help()
        return USAGE_CODE
    if options.target == "doctor":
        return submit.run_module("pmap", ["doctor", *options.args])
    job = _job(options)
    if options.dry_run:
        print(submit.text(job))
        return 0
    return submit.run(job)


def _job(options: argparse.Namespace) -> Job:
    return Job(
        target=resolve(options.target),
        args=tuple(options.args),
        ranks=options.n,
        threads_per_rank=options.threads_per_rank,
        prefix=options.prefix,
        check=options.check,
        record=options.record and options.record.absolute(),
        memory_gb=options.memory,
    )


def _about(word: str, parser: argparse.ArgumentParser) -> str:
    name = word.split("=")[0]
    if name in LATER:
        return f"{name} is not available in this version of pmap; this machine only: -n N"
    known = [o for action in parser._actions for o in action.option_strings]
    return f"no option {name!r}; {near(name, known)}see pRUN --help"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pRUN",
        usage="pRUN [OPTIONS] TARGET [ARGS...]",
        description="Run a program on N ranks of this machine.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-n", type=int, default=1, metavar="N", help="number of ranks (default 1)")
    add("--threads-per-rank", type=int, metavar="T", help="default: cores / ranks")
    add("--prefix", action="store_true", help="put the rank before each line of output")
    add("--check", action="store_true", help="compare the ranks before each collective operation")
    add("--record", type=Path, metavar="FILE", help="write the traffic by source line")
    add(
        "--memory",
        type=float,
        metavar="GB",
        help="memory of one rank: blocks keep within it, more is a MemoryError",
    )
    add("--dry-run", action="store_true", help="print what would be run")
    add("target", nargs="?", metavar="TARGET", help=argparse.SUPPRESS)
    add("args", nargs=argparse.REMAINDER, metavar="ARGS", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
