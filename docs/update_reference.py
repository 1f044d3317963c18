"""Write the pages of docs/reference/ from the code: ``python docs/update_reference.py``. A test compares them.

What a page says is data or a docstring where it belongs: help in ``scalebench/cli/``, meanings of study keys in ``scalebench/study.py``, of
columns in ``results/schema.py`` and ``analysis/columns.py``. Only what no code says stands here.
"""

import argparse
import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import modules_of_code
from markdown_of_code import code, comments, defaults, documented, prose, quoted, table

import scalebench
from scalebench import cli, errors, pytest_plugin
from scalebench.analysis import columns
from scalebench.analysis.laws.fit import Fit, Holdout, LawFit, Value
from scalebench.analysis.recommend import Ratio, Recommendation
from scalebench.backends import base
from scalebench.cli.parser import examples
from scalebench.launchers.registry import get_launcher
from scalebench.launchers.registry import references as launchers
from scalebench.results import limits, schema
from scalebench.results.result import Result as PlainResult
from scalebench.results.schema import Column
from scalebench.study import AXES, NOT_OF_A_PROGRAM, SUITE_KEYS, Study
from scalebench.study_file import PROFILES, PROJECT_KEYS, TYPES, profile
from scalebench.variants import Variant
from scalebench.workloads.describe import Workload
from scalebench.workloads.kinds import KINDS, get_kind

FOLDER = Path(__file__).parent / "reference"
#: of the environment, and what each does
VARIABLES = {
    limits.VARIABLE: "as `--limit`, for every command and for `scalebench.load`",
    "LOKY_MAX_CPU_COUNT": "the CPU budget at most: for a limit of CPU time that is not found (`scalebench doctor` says so)",
    "NO_COLOR": "no colours, neither bold nor dim",
    "FORCE_COLOR": "colours in a pipe or a file too",
    "COLUMNS": "how wide the text of commands is",
}
WRITTEN = "<!-- written by docs/update_reference.py -->"


def page(title: str, *parts: str) -> str:
    """A page: its title, and what stands below it."""
    return "\n\n".join([f"# {title}", WRITTEN, *(part.strip("\n") for part in parts if part)]) + "\n"


def commands() -> str:
    """Every command with its options."""
    parsers = cli.command_parsers(cli.parser())
    parts = ["What `scalebench help COMMAND` prints. Exit statuses: [here](exit-statuses.md).",
             table(["command", "what it does"], [[f"[`scalebench {name}`](#scalebench-{name})", text] for name, text in cli.COMMANDS.items()])]  # fmt: skip
    return page("Commands", *parts, *(part for name, one in parsers.items() for part in command(name, one)), "## Environment variables",
                "That commands look at besides their options.", table(["variable", "what it does"], [[quoted(name), text] for name, text in VARIABLES.items()]))  # fmt: skip


def command(name: str, parser: argparse.ArgumentParser) -> list[str]:
    """One command: what it does, examples, its arguments in their groups."""
    said = (parser.description or "").strip()
    shown = [f"{typed}   # {does}" if does else typed for typed, does in examples(said)]
    words = [prose(paragraph) for paragraph in said.split("\n\n") if not examples(paragraph)]
    parts = [f"## scalebench {name}", words[0], code("\n".join(shown), "sh"), *words[1:]]
    for group in parser._action_groups:  # noqa: SLF001  # no public list of them
        rows = [[argument(one), prose((one.help or "").replace("%%", "%"))] for one in group._group_actions if one.dest != "help"]  # noqa: SLF001
        if rows:
            usual = group.title in ("positional arguments", "options")
            parts.append(("" if usual else f"**{group.title}**\n\n") + table([{"positional arguments": "argument"}.get(str(group.title), "option"), "meaning"], rows))  # fmt: skip
    return parts


def argument(one: argparse.Action) -> str:
    """A flag or an argument, with what follows it."""
    metavar = one.metavar if isinstance(one.metavar, str) else one.dest.upper()
    if not one.option_strings:
        many = {"*": "...", "+": "..."}.get(str(one.nargs), "")
        return quoted(f"{metavar}{many}" if one.nargs in (None, "+") else f"[{metavar}{many}]")
    value = "" if one.nargs == 0 else f" {metavar}"
    return ", ".join(quoted(flag + value) for flag in one.option_strings)


def study() -> str:
    """The keys of a study, in a file, in Python and as flags."""
    said, usual = comments(Study), defaults(Study)
    flags = cli.command_parsers(cli.parser())["run"]._option_string_actions  # noqa: SLF001  # no public list of them

    def where(key: str) -> str:
        flag = next(
            (one for one in (f"--{key.replace('_', '-')}", f"--{key.removesuffix('s').replace('_', '-')}") if one in flags), ""
        )
        return {"baselines": "`--no-baselines`"}.get(key, quoted(flag))

    def row(key: str) -> list[str]:
        kind = "axis" if key in AXES else "suite" if key in SUITE_KEYS else "study"
        return [quoted(key), words(TYPES[key]), quoted(usual[key]), said[key], kind, where(key)]

    keys = [one.name for one in dataclasses.fields(Study)]
    kinds = [[quoted(name), one.size_unit, quoted(one.default_size), one.work_unit] for name in KINDS for one in [get_kind(name)]]
    of_launchers = [
        [quoted(name), quoted(key), meaning] for name in launchers() for key, meaning in get_launcher(name).options.items()
    ]
    variants = comments(Variant)
    return page(
        "Studies",
        "One word is key of a TOML file, argument of `scalebench.Study`, flag of `scalebench run` and column. A list in a file may be text with "
        "commas too. `None` stands for a key that is left out.",
        "An *axis* takes several values, and they multiply. A key *suite* may stand in a suite too, as every axis may; a key *study* is of the "
        "whole study.",
        table(["key", "in a file", "default", "meaning", "of", "flag"], map(row, keys)),
        "## A program instead of a function",
        f"With `command` these keys make no sense and are refused: {', '.join(map(quoted, NOT_OF_A_PROGRAM))}.",
        "## Kinds",
        "Of `really_hard_task`, which `scalebench.workloads` has as a function too. A size is text; `tasks` of them make a round.",
        table(["kind", "a size is in", "default size", "work is counted in"], kinds),
        "## Variants",
        "`[variants.NAME]` is a table; a key that is left out changes nothing.",
        table(["key", "meaning"], [[quoted(key), variants[key]] for key in (one.name for one in dataclasses.fields(Variant))]),
        "## Options of launchers",
        "`[launcher_options]` is a table; on the command line `--launcher-option KEY=VALUE`.",
        table(["launcher", "option", "meaning"], of_launchers),
        "## Profiles",
        "Studies that come with scalebench: `scalebench run --profile NAME`.",
        table(["profile", "suites", "blocks"], [[quoted(name), ", ".join(map(quoted, one.suites)), str(one.blocks)] for name in PROFILES for one in [profile(name)]]),
        "## A project's defaults",
        "`[tool.scalebench]` of the nearest `pyproject.toml` may have the keys of a study that are not of one function or program, and "
        f"{' and '.join(map(quoted, PROJECT_KEYS))}: which profile is measured where none is named, and the folder of the runs.",
    )  # fmt: skip


def words(type_: Any) -> str:
    """A type in words."""
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", dict: "table", Any: "any"}
    if isinstance(type_, UnionType):
        found = [one for one in get_args(type_) if not (one is int and float in get_args(type_))]
        return ", ".join(dict.fromkeys(map(words, found)))
    return "list" if get_origin(type_) is list else names[get_origin(type_) or type_]


def columns_page() -> str:
    """The columns of all tables."""
    added = columns.EFFICIENCY[len(columns.SCALING) :]
    return page(
        "Columns",
        "Null means not measured, 0 means zero. Numbers have a unit, a *ratio* a denominator: what it is taken against. *Range* is what a value can "
        "be; of text, the words that there are, and none for any text. `x_low` and `x_high` are the ends of the interval of `x`: where nothing else is "
        f"said, {columns.USUAL}. `int` and `float` have 64 bits.",
        "## rounds.parquet", "One row a round: `Result.rounds`, and `scalebench export -o rounds.csv`.", of_columns(schema.ROUNDS),
        "## tasks.parquet", "One row a task of a counted round: `Result.tasks`.", of_columns(schema.TASKS),
        "## Result.scaling()", "One row a case; in the JSON of `scalebench report` the list `scaling`.", of_columns(columns.SCALING),
        "## Result.efficiency()", "The columns of `Result.scaling()`, then these. The product of the factors is the efficiency "
        "([methodology](../methodology.md)).", of_columns(added),
        "## Result.granularity()", "One row a curve over sizes; in the JSON of `scalebench granularity` the list `granularity`.",
        of_columns(columns.GRANULARITY),
        "The list `curves` there has one row a case:", of_columns(columns.GRANULARITY_CASES),
        "## Recommendation.cases", "One row a case of a question; in the JSON of `scalebench recommend` the list `cases` of each recommendation.",
        of_columns(columns.RECOMMENDED),
        "## scalebench compare --json", "The list `comparisons`: one row a case and side.", of_columns(columns.COMPARE),
    )  # fmt: skip


def of_columns(those: Sequence[Column]) -> str:
    """A table of columns; the ends of an interval stand with their figure, and what is as in the rounds in one sentence."""
    as_in_rounds = [] if those is schema.ROUNDS else [one for one in those if one in schema.ROUNDS]
    names = {one.name for one in those}
    rows = []
    for one in those:
        figure = re.sub("_(low|high)$", "", one.name)
        if one in as_in_rounds or (figure != one.name and {figure, f"{figure}_low"} <= names):
            continue
        name, within = quoted(one.name), one.range
        meaning = one.meaning + (f"; since version {one.since}" if one.since > 1 else "")
        for low in (other for other in those if other.name == f"{one.name}_low"):
            name += ", `_low`, `_high`"
            meaning += f"; interval: {said}" if (said := low.meaning.partition(": ")[2]) != columns.USUAL else ""
            within += f"; ends {low.range}" if low.range != one.range else ""
        rows.append([name, one.type, prose(meaning), prose(one.unit), prose(one.of), prose(within)])
    shown = table(["column", "type", "meaning", "unit", "denominator", "range"], rows)
    return "\n\n".join(
        [*[f"As in the rounds: {', '.join(quoted(one.name) for one in as_in_rounds)}."] * bool(as_in_rounds), shown]
    )


class _Bare:
    """An annotation that is shown without quotes and without the modules of its names."""

    def __init__(self, annotation: object) -> None:
        self.text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])|['~]", "", inspect.formatannotation(annotation))

    def __repr__(self) -> str:
        return self.text


def signature(name: str, of: Callable[..., Any]) -> str:
    """How it is called; a line each where arguments are many."""
    found = inspect.signature(of)
    bare = [
        one if one.annotation is one.empty else one.replace(annotation=_Bare(one.annotation))
        for one in found.parameters.values()
        if one.name != "self"
    ]
    whole = f"{name}{found.replace(parameters=bare, return_annotation=_Bare(found.return_annotation))}"
    if len(whole) <= 100:
        return whole
    keyword = next((index for index, one in enumerate(bare) if one.kind is one.KEYWORD_ONLY), None)
    lines = [str(one) for one in bare]
    if keyword is not None:
        lines.insert(keyword, "*")
    return f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + f") -> {_Bare(found.return_annotation)}"


def api() -> str:
    """The public names."""
    result = scalebench.Result
    said = comments(PlainResult)
    fields = [[quoted(one.name), said[one.name]] for one in dataclasses.fields(PlainResult) if not one.name.startswith("_")]
    properties = [[quoted(name), first(one)] for name, one in members(PlainResult) if isinstance(one, property)]
    given = {"recommend": (Recommendation, Ratio), "laws": (Fit, LawFit, Value, Holdout)}
    workload, usual = comments(Workload), defaults(Workload)
    return page(
        "Python",
        "All that `scalebench` offers to Python: these names, with what stands here of each, [the errors](#errors), for other packages "
        "[what a backend is made of](#scalebenchbackendsbase), and what there is [under pytest](#under-pytest). They stay as they are in all versions 0.1; whatever else can be imported, or found in "
        "an object, may change without a word.",
        table(["name", "what it is"], [[f"[`scalebench.{name}`](#scalebench{name.lower()})", first(getattr(scalebench, name))] for name in scalebench.__all__]),
        "## scalebench.run", *function("run"),
        "## scalebench.load", *function("load"),
        "## scalebench.Study", documented(inspect.getdoc(Study)), "Its arguments are the [keys of a study](study.md).", *methods(Study),
        "## scalebench.Workload", documented(inspect.getdoc(Workload)),
        table(["argument", "default", "meaning"], [[quoted(name), quoted(usual[name]), workload[name]] for name in usual]),
        "## scalebench.count_work", *function("count_work"),
        "## scalebench.Result", documented(inspect.getdoc(result)),
        table(["attribute", "meaning"], [*fields, *properties]), *methods(result, given),
        "## Errors",
        "All are of `scalebench.errors`. A message says what was given, the rule, and the way out.",
        code(inspect.getdoc(errors).partition("::")[2].replace("\n    ", "\n")),
        table(["error", "what it says"], [[quoted(name), first(getattr(errors, name))] for name in errors.__all__]),
        "## scalebench.backends.base",
        "For a package that [adds a backend](../how-to/add-a-backend.md) as an entry point of the group `scalebench.backends`.",
        *(part for name in base.__all__ for part in of_backends(name)),
        "## Under pytest",
        "With pytest-benchmark, which the extra `scalebench[pytest]` brings, launches can be tests ([how](../how-to/ci-gate.md#with-pytest-benchmark)): one "
        "each, in as many blocks as the study's `blocks` says. Rows are stored as `scalebench run` stores them.",
        table(["name", "what it is"], under_pytest()),
    )  # fmt: skip


class _Session:
    """What pytest gives a plugin, as far as that says there what it has."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.stash: dict[object, object] = {}

    def addinivalue_line(self, _: str, line: str) -> None:
        mark, _, meaning = line.partition(": ")
        self.rows.append([quoted(f"@pytest.mark.{mark}"), prose(meaning)])

    def getgroup(self, _: str) -> "_Session":
        return self

    def addoption(self, flag: str, **said: str) -> None:
        self.rows.append([quoted(f"{flag} {said['metavar']}"), prose(said["help"])])


def under_pytest() -> list[list[str]]:
    """The mark, the options and the fixture."""
    told: Any = _Session()
    pytest_plugin.pytest_configure(told)
    pytest_plugin.pytest_addoption(told)
    return [*told.rows, [quoted("scalebench()"), f"The fixture. {first(pytest_plugin.scalebench)}"]]


def of_backends(name: str) -> list[str]:
    """A name of the contract of backends: what it is, and each of its own."""
    of = getattr(base, name)
    heading = [f"### {name}", documented(inspect.getdoc(of))]
    if inspect.isfunction(of):
        return [heading[0], code(signature(name, of), "python"), heading[1]]
    if of is base.PlainProcess:  # its own are those of Backend
        return heading
    rows = [[quoted(one), said] for one, said in comments(of).items()]
    rows += [[quoted(signature(one, function)), first(function)]
             for one, plain in members(of) if inspect.isfunction(function := getattr(plain, "__func__", plain))]  # fmt: skip
    return [*heading, *([table(["name", "meaning"], rows)] if rows else [])]


def methods(of: type, given: Mapping[str, tuple[type, ...]] = {}) -> list[str]:
    """Those of a class; ``given``: by name, what is in the list that one returns, and in that."""
    parts = []
    for name, one in members(of):
        if inspect.isfunction(one):
            called = f"{of.__name__}.{name}"
            parts += [f"### {called}", code(signature(called, one), "python"), documented(inspect.getdoc(one))]
        for each in given.get(name, ()):
            rows = [[quoted(key), text] for key, text in comments(each).items()]
            parts.append(table([f"of each `{each.__name__}`", "meaning"], rows))
    return parts


def function(name: str) -> tuple[str, str]:
    """A public function."""
    of = getattr(scalebench, name)
    return code(signature(f"scalebench.{name}", of), "python"), documented(inspect.getdoc(of))


def members(of: type) -> list[tuple[str, Any]]:
    """Public ones that the class itself defines, in their order."""
    return [(name, one) for name, one in vars(of).items() if not name.startswith("_")]


def first(of: object) -> str:
    """The first sentence of a docstring."""
    return documented((inspect.getdoc(of) or "").split("\n\n")[0]).replace("\n", " ")


def exit_statuses() -> str:
    """What each means, and what the commands say of their own."""
    said = []
    for name, parser in cli.command_parsers(cli.parser()).items():
        own = [
            paragraph.partition(": ")[2]
            for paragraph in (parser.description or "").split("\n\n")
            if paragraph.startswith("Exit statuses")
        ]
        said += [[quoted(f"scalebench {name}"), prose(own[0])]] if own else []
    return page(
        "Exit statuses",
        "Of every command. An error is one message on the error stream: what was given, the rule, the way out.",
        table(["status", "meaning"], [[str(status), meaning] for status, meaning in cli.EXIT_STATUSES.items()]),
        "A signal that ends a command gives 128 and its number: 143 for SIGTERM, 129 for SIGHUP, 130 for Ctrl-C.",
        "What single commands say of theirs:",
        table(["command", "exit statuses"], said),
    )


def versions() -> list[tuple[str, str]]:
    """The history of the schema, from the top of ``results/schema.py``."""
    told = (ast.get_docstring(ast.parse(inspect.getsource(schema))) or "").partition("Schema versions")[2]
    return re.findall(r"^ +(\d+) {2,}(.+)$", told.replace("``", ""), re.MULTILINE)


def files() -> str:
    """What is written, and where."""
    return page(
        "Files",
        "Readers take all versions of the schema up to their own. They unpickle nothing, open no path that stands in a file, and read no more of "
        "it than a limit allows ([security](../security.md)).",
        "## The folder of a run",
        code("""
results/20260131T120000-1f3a95c0e/
    run.json           what is known about the run
    rounds.parquet     one row a round
    tasks.parquet      one row a task of a counted round
    parts/             only while it is measured: <launch>.<digest>.rounds.parquet, <launch>.<digest>.tasks.parquet
    report.html        only where you asked for it: scalebench report --format html"""),
        "Each launch is stored whole or not at all, so that a run that was interrupted, or killed, has all launches but the one in flight. "
        "`scalebench run --resume latest` goes on. The digest in the name of a part tells one that is not as it was written; it is left out, and "
        "said to be ([SB112](../findings/SB112.md)). Every file is written beside its place and renamed, so none is ever half there.",
        "## run.json", "An object; in Python `Result.about`.",
        table(["key", "meaning"], [[quoted(key), meaning] for key, meaning in schema.ABOUT.items()]),
        "## Parquet", "Columns: [rounds](columns.md#roundsparquet), [tasks](columns.md#tasksparquet). Compressed with zstd, floats split into bytes; "
        "pandas, polars, DuckDB and R read them without scalebench. `scalebench.schema_version` in the file's metadata is the version of the columns.",
        "## One file of JSON", "`scalebench export RUN -o run.json` and `scalebench run --json`: all rows, by column, and `run.json`. The other JSON, of an "
        "analysis, is described there too: [JSON](../json.md). A file of several runs has `runs` in `about`, a list of such objects.",
        "## CSV", "`scalebench export RUN -o rounds.csv`: the rounds, with the columns of `rounds.parquet` as heading. Null is empty; lines end with CR LF "
        "(RFC 4180), UTF-8. Text that a spreadsheet would take for a formula has an apostrophe before it. CSV is not read back: it has no types.",
        "## Files of other tools", "`scalebench compare` and `export` read the JSON of pytest-benchmark and pyperf (`.json`, `.json.gz`); `scalebench fit` and "
        "`predict` any table of worker counts and times (CSV, TSV, parquet).",
        "## Versions of the schema",
        f"This is version {schema.SCHEMA_VERSION}. A new column, or another meaning of an old one, makes a new version.",
        table(["version", "what changed"], [[version, prose(text)] for version, text in versions()]),
    )  # fmt: skip


def pages() -> dict[Path, str]:
    """Each page, and what it should say."""
    written = {
        "commands": commands,
        "study": study,
        "columns": columns_page,
        "api": api,
        "exit-statuses": exit_statuses,
        "files": files,
        "modules": lambda: page("Modules", *modules_of_code.parts()),
    }
    return {FOLDER / f"{name}.md": write() for name, write in written.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
