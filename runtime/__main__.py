"""The command line.

python -m runtime classify digits.xclbin seven.png
python -m runtime evaluate resnet50_w1a2.xclbin val --labels val.txt --csv results.csv
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path

from tqdm import tqdm

from runtime.accelerator import Accelerator
from runtime.errors import AcceleratorError, EvaluationError, ImageError
from runtime.evaluate import Score, evaluate
from runtime.images import load
from runtime.results import read_labels


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its status.

    0 if all images were classified, or at least one evaluated; 1 after an error; 2 (from argparse) for a call that cannot be
    read; 130 after an interrupted evaluation.
    """
    parser = argparse.ArgumentParser(prog="resflow", description="Run accelerators made by resflow.")
    commands = parser.add_subparsers(dest="command", required=True)
    classify = commands.add_parser("classify", help="print the labels of images, best first")
    classify.add_argument("xclbin", help="the accelerator")
    classify.add_argument("images", nargs="+", metavar="image", help="PNG, JPEG, BMP, GIF, PPM, TIFF or WebP")
    classify.add_argument("--top", type=positive_number, metavar="K", help="print the K best labels; all the accelerator gives if left out")
    evaluation = commands.add_parser("evaluate", help="classify a folder of images and count how many labels are right")
    evaluation.add_argument("xclbin", help="the accelerator")
    evaluation.add_argument("folder", type=Path, help="JPEG and PNG files, in subfolders or not")
    evaluation.add_argument("--labels", type=Path, required=True, help="a line per image: its path in the folder, and its label")
    evaluation.add_argument("--csv", type=Path, metavar="OUT", help="append results to it; what stands there is not computed again")
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # A label or path the terminal's encoding lacks is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        if arguments.command == "evaluate":
            return _evaluate(arguments.xclbin, arguments.folder, arguments.labels, arguments.csv)
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


def _evaluate(xclbin: str, folder: Path, labels: Path, csv: Path | None) -> int:
    try:
        with Accelerator.open(xclbin) as accelerator, tqdm(unit=" images", disable=not sys.stderr.isatty(), leave=False) as bar:
            known = read_labels(labels, accelerator.manifest)

            def complain(error: ImageError) -> None:
                with bar.external_write_mode(file=sys.stderr):
                    _complain(error)

            def progress(score: Score) -> None:
                if bar.total is None:
                    bar.total, bar.initial, bar.n = score.images, score.earlier, score.earlier
                    bar.refresh()
                if score.evaluated:
                    bar.set_postfix_str(f"top-1 {score.top1 / score.evaluated:.1%}", refresh=False)
                bar.update(score.evaluated + score.failed - bar.n)

            score = evaluate(accelerator, folder, known, csv=csv, complain=complain, progress=progress)
            is_random = accelerator.manifest.versions.get("parameters") == "random"
    except AcceleratorError as error:
        return _complain(error)
    except KeyboardInterrupt:
        kept = f"; {_printable(str(csv))} keeps what was done: the same call goes on with it" if csv is not None else ""
        print(f"interrupted{kept}", file=sys.stderr)
        return 130
    if not score.evaluated:
        why, fix = f"all {score.failed:,} images with a label failed", "see the errors above"
        return _complain(EvaluationError(str(folder), "nothing was evaluated", why, fix))
    print(score.table + ("\nlabels  by chance: the parameters are random" if is_random else ""))
    return 0


def _complain(error: AcceleratorError) -> int:
    print("\n".join(map(_printable, f"error: {error}".split("\n"))), file=sys.stderr)
    return 1


def _printable(text: str) -> str:
    """The text without what a terminal would obey instead of show: file names may hold anything."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


if __name__ == "__main__":
    sys.exit(main())
