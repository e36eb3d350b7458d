"""The command line: python -m runtime classify digits.xclbin seven.png"""

from __future__ import annotations

import argparse
import io
import os
import sys

from runtime.accelerator import Accelerator
from runtime.errors import AcceleratorError, ImageError
from runtime.images import load


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 if all images were classified, 1 after an error, 2 (from argparse) for a call it cannot read."""
    parser = argparse.ArgumentParser(prog="resflow", description="Run accelerators made by resflow.")
    commands = parser.add_subparsers(dest="command", required=True)
    classify = commands.add_parser("classify", help="print the labels of images, best first")
    classify.add_argument("xclbin", help="the accelerator")
    classify.add_argument("images", nargs="+", metavar="image", help="PNG, JPEG, BMP, GIF, PPM, TIFF or WebP")
    classify.add_argument("--top", type=positive_number, metavar="K", help="print the K best labels; all the accelerator gives if left out")
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # A label or path the terminal's encoding lacks is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _classify(arguments.xclbin, arguments.images, arguments.top)
    except BrokenPipeError:
        # The reader has gone, as `head` does; Python must not try to flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def positive_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _classify(xclbin: str, images: list[str], top: int | None) -> int:
    status = 0
    try:
        with Accelerator.open(xclbin) as accelerator:
            manifest = accelerator.manifest
            if top is not None and top > manifest.top:
                why = f"{manifest.network} gives its {manifest.top} best labels"
                raise AcceleratorError("--top", str(top), why, f"ask for at most {manifest.top}")
            for path in images:
                try:
                    labels = accelerator.classify(load(path, manifest.image))[:top]
                except ImageError as error:
                    status = _complain(error)
                else:
                    names = (manifest.label_names[label] if manifest.label_names else str(label) for label in labels)
                    print(f"{_printable(path)}: {', '.join(names)}")
            sys.stdout.flush()
    except AcceleratorError as error:
        return _complain(error)
    return status


def _complain(error: AcceleratorError) -> int:
    print("\n".join(map(_printable, f"error: {error}".split("\n"))), file=sys.stderr)
    return 1


def _printable(text: str) -> str:
    """The text without what a terminal would obey instead of show: file names may hold anything."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


if __name__ == "__main__":
    sys.exit(main())
