"""x

scalebench doctor
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def main(asked: argparse.Namespace) -> int:
    return 0
