"""The command line as a function: its arguments in, its exit status and what it printed out."""

import pytest

from scalebench import cli


@pytest.fixture
def scalebench(capsys):
    def call(*arguments):
        try:
            status = cli.main(list(map(str, arguments)))
        except SystemExit as end:  # argparse
            status = end.code
        told = capsys.readouterr()
        return status, told.out, told.err

    return call
