"""Say which parallel interfaces work here, and how to get the others; and how hosts may be started.

scalebench backends
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def main(asked: argparse.Namespace) -> int:
    from scalebench import cli
    from scalebench.backends.registry import get_backend, references
    from scalebench.cli.parser import wrapped
    from scalebench.launchers.base import unavailable
    from scalebench.launchers.registry import get_launcher
    from scalebench.launchers.registry import references as launchers
    from scalebench.results.shapes import analysis

    rows = [(name, get_backend(name).summary, list(get_backend(name).axes), unavailable(name)) for name in references()]
    starts = [get_launcher(name) for name in launchers()]
    if asked.json:
        names = ("backend", "interface", "axes", "unavailable")
        ways = [{"launcher": one.name, "summary": one.summary, "options": dict(one.options)} for one in starts]
        print(analysis("backends", backends=[dict(zip(names, row, strict=True)) for row in rows], launchers=ways))
        return cli.OK
    for name, summary, axes, reason in rows:
        own = f"  (axes: {', '.join(axes)})" if axes else ""
        print(wrapped(f"{summary}{own}", 26, f"{name:16} {'works' if reason is None else 'missing':8} "))
        if reason is not None:
            print(wrapped(reason, 26))
    print("\nlaunchers, for --launcher, and their options, for --launcher-option:")
    for one in starts:
        print(wrapped(one.summary, 26, f"{one.name:26}"))
        for key, meaning in one.options.items():
            print(wrapped(meaning, 26, f"  {key:24}"))
    return cli.OK
