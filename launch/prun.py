"""The command pRUN: all before TARGET is pRUN's, all after it is the target's."""

import argparse
import sys
from pathlib import Path

from . import submit
from .choices import Sources, explain, gather, job_of, refuse_without_slurm
from .errors import JobError
from .options import OPTIONS, Option
from .targets import JOB_VERBS, apps, near, resolve

USAGE_CODE = 2
EPILOG = """\
TARGET is a file (ends in .py or contains /), a verb, or an app:
  {apps}
verbs:
  status [JOB], logs [-f] JOB, cancel JOB, resume JOB    for jobs of --slurm and --background
  doctor                                                 checks the installation

examples:
  pRUN -n 4 script.py --fast
  pRUN --slurm --triples 4,8,1 --time 30 --wait script.py
  pRUN --slurm --max-at-once 20 pipeline dataset.toml --out run"""


class _Parser(argparse.ArgumentParser):
    """Errors are one line and say what would be right."""

    def format_help(self) -> str:
        """Name the apps: looked up only here, because every start would pay for it."""
        self.epilog = EPILOG.format(apps=" ".join(apps()))
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
    if options.target in JOB_VERBS:
        from . import verbs  # a plain start needs none of it

        return verbs.run(options.target, options.args)
    return _start(options, ["pRUN", *words])


def _start(options: argparse.Namespace, words: list[str]) -> int:
    if options.background and (options.slurm or options.wait):
        other = "--slurm" if options.slurm else "--wait"
        raise JobError(f"--background with {other}: a job in the background is one of this machine "
                       "that is not waited for; leave one of the two out")  # fmt: skip
    target = resolve(options.target)
    sources = gather({o.key: getattr(options, o.key) for o in OPTIONS}, options.job)
    chosen = sources.choose()
    if chosen["slurm"].value:
        return _on_cluster(sources, target, options, words)
    refuse_without_slurm(sources)
    job = job_of(chosen, target, options.args)
    if options.explain:
        print(explain(chosen))
        return 0
    if options.dry_run:
        print(submit.text(job))
        return 0
    if options.background:
        from . import background, waiting  # a plain start needs none of it

        name = background.start(job, words).name
        print(f"{name} runs on this machine. {waiting.hint(name)}")
        return 0
    return submit.run(job)


def _on_cluster(
    sources: Sources, target: tuple[str, ...], options: argparse.Namespace, words: list[str]
) -> int:
    from . import batch, chain, waiting  # a plain start needs none of it

    stages = chain.stages(sources, target, options.args)
    if options.explain:
        for stage, chosen in stages:
            print(f"{stage.name}\n{explain(chosen)}\n" if len(stages) > 1 else explain(chosen))
        return 0
    found = [stage for stage, _ in stages]
    if options.dry_run:
        texts = batch.scripts(found)
        for stage, text in zip(found, texts, strict=True):
            print(f"##### {stage.name}\n{text}" if len(found) > 1 else text, end="")
        return 0
    folder = batch.send(found, words)
    ids = ", ".join(f"{s.name} {s.id}" for s in folder.read().stages)
    print(f"{folder.name} submitted to SLURM: {ids}. {waiting.hint(folder.name)}",
          file=sys.stderr if options.wait else sys.stdout, flush=True)  # fmt: skip
    return waiting.wait(folder) if options.wait else 0


def _about(word: str, parser: argparse.ArgumentParser) -> str:
    name = word.split("=")[0]
    known = [o for action in parser._actions for o in action.option_strings]
    return f"no option {name!r}; {near(name, known)}see pRUN --help"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pRUN",
        usage="pRUN [OPTIONS] TARGET [ARGS...]",
        description="Run a program on N ranks, of this machine or of a SLURM cluster.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in OPTIONS:
        parser.add_argument(*option.flags, **_how(option))
    add = parser.add_argument
    add("--job", type=Path, metavar="FILE", help="TOML file with these options")
    add("--background", action="store_true", help="leave it running on this machine and return")
    add("--wait", action="store_true", help="with --slurm: wait, and pass the exit code on")
    add("--dry-run", action="store_true", help="print what would be run or submitted")
    add("--explain", action="store_true", help="print the options and who set each, and stop")
    add("target", nargs="?", metavar="TARGET", help=argparse.SUPPRESS)
    add("args", nargs=argparse.REMAINDER, metavar="ARGS", help=argparse.SUPPRESS)
    return parser


def _how(option: Option) -> dict:
    """How argparse takes an option; values stay words, and are read where all sources are."""
    told = {"dest": option.key, "default": None, "help": option.does}
    if option.is_flag:
        return {**told, "action": argparse.BooleanOptionalAction}
    if option.key == "modules":
        told["action"] = "append"
    return {**told, "metavar": option.metavar}


if __name__ == "__main__":
    sys.exit(main())
