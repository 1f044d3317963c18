"""One command each: ``nox -s bench``, ``nox -s tests``, ``nox -s lint``."""

import os
import pathlib
import shutil
import sys

import nox

# where it is set, each of thousands of processes would compile pandas and SciPy anew: 5 s instead of 1
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "tests-long", "tests-alone", "tests-cluster", "pythons", "package", "lint"]
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

#: folders of tests whose outcome may differ between interpreters
OF_THE_INTERPRETER = ("backends", "conformance", "host", "launchers", "workloads")
#: of those beside these folders, what drives other tools for minutes, on any interpreter in the same way
OF_OTHER_TOOLS = ("test_notebook.py", "test_prepare.py", "test_pytest_plugin.py", "test_resume.py")
#: more than there are CPUs here: hosts and time-outs are waited for
SIDE_BY_SIDE = ("-n", "3", "--durations=40", "--durations-min=3")
#: neighbours stay together, for what they share
IN_PARTS = ("--dist", "worksteal")
#: each takes the next one: the first ones take minutes, and none shall have several of them at the end
ONE_BY_ONE = ("--dist", "load", "--maxschedchunk", "1")
GROUPS = nox.project.load_toml("pyproject.toml")


def group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(GROUPS, name)


@nox.session
def bench(session: nox.Session) -> None:
    """The main job: measure the suites in benchmarks/, print the tables. ``-- --profile quick|full`` for less or more."""
    session.install("-e", ".[all]")
    arguments = ["--scalebench-profile" if one == "--profile" else one for one in session.posargs]
    arguments = [one.replace("--profile=", "--scalebench-profile=") for one in arguments]
    session.run(
        "pytest", "benchmarks", "--benchmark-only", "--benchmark-columns=min,median,max,rounds", "--benchmark-sort=fullname",
        "--quiet", *arguments,
    )  # fmt: skip


@nox.session
def tests(session: nox.Session) -> None:
    """The tests but the long ones, on the Python that nox runs on. ``-- -k name`` for some of them, long or not."""
    session.install("-e", ".[all,ray]", *group("tests"))
    if session.posargs:
        session.run("pytest", "tests", *session.posargs)
        return
    run_tests(session, "not long and not cluster", *IN_PARTS, "tests")


@nox.session(name="tests-long")
def tests_long(session: nox.Session) -> None:
    """Simulations of many studies, files changed at random, every fault, a run ended at any moment, all commands of the pages."""
    session.install("-e", ".[all,ray]", *group("tests"))
    run_tests(session, "long", *ONE_BY_ONE, "tests")


@nox.session(name="tests-alone")
def tests_alone(session: nox.Session) -> None:
    """One by one those that need the CPUs to themselves: losses of a known size are found, and the lecture's claims hold."""
    session.install("-e", ".[all,ray]", *group("tests"))
    session.run("pytest", "tests", "-m", "alone", *session.posargs)


@nox.session(name="tests-cluster")
def tests_cluster(session: nox.Session) -> None:
    """Several hosts and a Slurm on this machine, for real. Needs root; installs Debian's packages."""
    session.install("-e", ".[all,ray]", *group("tests"))
    session.run("pytest", "tests/cluster", *session.posargs)


@nox.session(python=["3.11", "3.13"])
def pythons(session: nox.Session) -> None:
    """On each other Python that is found, the tests of what runs in measured processes and of what starts them."""
    if session.python == f"{sys.version_info.major}.{sys.version_info.minor}":
        session.skip("the session 'tests' runs them on this Python")
    session.install("-e", ".[all]", *group("tests"))
    run_tests(
        session,
        "not long",
        *IN_PARTS,
        "-k",
        "not dask and not [ray and not test_ray",  # these two start interpreters for seconds, and have tests of their own
        *(f"tests/{folder}" for folder in OF_THE_INTERPRETER),
        *(str(file) for file in pathlib.Path("tests").glob("test_*.py") if file.name not in OF_OTHER_TOOLS),
    )


def run_tests(session: nox.Session, which: str, *places: str) -> None:
    """Side by side."""
    session.run("pytest", *places, *SIDE_BY_SIDE, "-m", f"not alone and not rare and {which}")


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, types, and the rooms' contracts."""
    session.install("-e", ".[all]", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """The docs as a site in site/, which opens from its files, offline. A link that leads nowhere fails."""
    session.install(*group("docs"))
    session.run("mkdocs", "build", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def pictures(session: nox.Session) -> None:
    """All that docs/ has from code and from the committed runs, written anew: reference, figures, pictures; screenshots in Debian's chromium."""
    session.install("-e", ".[all]", *group("tests"))
    for script in ("reference", "readme", "screenshots"):
        session.run("python", f"docs/update_{script}.py")


@nox.session
def package(session: nox.Session) -> None:
    """Build wheel and sdist in dist/, check them, install the wheel elsewhere by pipx and by uv, and measure with it: two minutes."""
    session.install(*group("package"))
    dist, place = pathlib.Path("dist").resolve(), pathlib.Path(session.create_tmp()).resolve()
    for old in (dist, place):
        shutil.rmtree(old, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist), silent=True)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    session.run("check-wheel-contents", "--toplevel", "scalebench", str(wheel))
    place.mkdir()
    session.chdir(place)  # nothing of the repository is to be found here
    homes = {
        "PIPX_HOME": "pipx",
        "PIPX_BIN_DIR": "pipx-bin",
        "PIPX_MAN_DIR": "pipx-man",
        "UV_TOOL_DIR": "uv",
        "UV_TOOL_BIN_DIR": "uv-bin",
    }
    env = {name: str(place / folder) for name, folder in homes.items()}
    session.run("pipx", "install", str(wheel), env=env)
    for arguments in (["--help"], ["doctor"], ["run", "--yes", "--blocks", "1"], ["recommend"]):
        session.run(str(place / "pipx-bin" / "scalebench"), *arguments, external=True)
    session.run("uv", "tool", "install", f"scalebench[report] @ {wheel.as_uri()}", env=env)
    session.run(str(place / "uv-bin" / "scalebench"), "report", "--format", "html", external=True)
    (report,) = place.glob("results/*/report.html")
    if report.stat().st_size < 100_000:
        session.error(f"{report} is empty")


@nox.session
def overhead(session: nox.Session) -> None:
    """What the harness itself costs, against code written by hand: figures, limits, met or missed. ``-- --scale 0.3`` for a first look."""
    session.install("-e", ".[all]")
    session.run("python", "benchmarks/overhead/measure.py", *session.posargs)


@nox.session
def intervals(session: nox.Session) -> None:
    """What a gate stops, and how often intervals cover, by simulation: results/reference/simulated-*.md. ``-- --studies 500`` for a look."""
    session.install("-e", ".[all]")
    session.run("python", "benchmarks/intervals/gate.py")
    session.run("python", "benchmarks/intervals/laws.py")
    session.run("python", "benchmarks/intervals/measure.py", *session.posargs)


@nox.session
def truth(session: nox.Session) -> None:
    """False alarms and found slowdowns of the interleaved A/B, beside two other tools on equal time. ``-- --scale 0.05`` for a first look."""
    session.install("-e", ".[pytest]", "pyperf")
    session.run("python", "benchmarks/truth/measure.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """A run ended by signals at 200 random moments and resumed; each fault of measured code on each backend; what is rare. ``-- 1000`` for more."""
    session.install("-e", ".[all,ray]", *group("tests"))
    times = session.posargs[0] if session.posargs else "200"
    session.run("pytest", "tests/cli/test_interruption.py", "-n", "2", env={"SCALEBENCH_FAULTS": times})
    session.run("pytest", "tests/faults", env={"SCALEBENCH_FAULTS": times})
    session.run("pytest", "tests/conformance", "-m", "rare")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Readers against files that were changed at random, for ten minutes. ``-- 3600`` for an hour."""
    session.install("-e", ".[all]", *group("tests"))
    seconds = session.posargs[0] if session.posargs else "600"
    session.run("pytest", "tests/results/test_fuzz.py", "-n", "2", env={"SCALEBENCH_FUZZ_S": seconds})


@nox.session
def mutation(session: nox.Session) -> None:
    """Do the tests of analysis/ and results/ notice a changed line? ``-- --only mood`` for some modules, ``-- --sample 40`` for a part of each."""
    session.install("-e", ".[all]", *group("tests"), *group("mutation"))
    session.run("python", "benchmarks/mutation/measure.py", *session.posargs)


@nox.session
def size(session: nox.Session) -> None:
    """Do the tables stay quick with a fleet's worth of runs? Seconds and peak memory on generated data, limits, growth."""
    session.install("-e", ".[all]")
    for script in sorted(pathlib.Path("benchmarks/size").glob("*.py")):
        if script.name != "data.py":
            session.run("python", str(script))


@nox.session
def load(session: nox.Session) -> None:
    """10,000 cases, a million tasks, 256 workers, items and results of 50 MB: does it end, or say why not, in bounded memory?"""
    session.install("-e", ".[all]")
    session.run("python", "benchmarks/load/measure.py", *session.posargs)


@nox.session
def honest(session: nox.Session) -> None:
    """Dispatch to up to 256 workers, and does the simulation say so? Half an hour; ``-- --workers 4,8,16,32,64 --backend threads`` for a look."""
    session.install("-e", ".[all]")
    session.run("python", "benchmarks/scale/measure.py", *session.posargs)


@nox.session(name="tests-openmpi")
def tests_openmpi(session: nox.Session) -> None:
    """Open MPI instead of MPICH: the conformance of the MPI backends; where hosts can be started, studies in Python over two of them."""
    session.install("-e", ".[joblib,multiprocess,pytest]", "mpi4py", "openmpi", *group("tests"))
    session.run("pytest", "tests/conformance", "tests/launchers/test_mpi.py", "-k", "mpi", *session.posargs)
    session.run("pytest", "tests/cluster/test_mpiexec.py", "-k", "Python", *session.posargs)
