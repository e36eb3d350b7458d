"""The command line.

python -m runtime info digits.xclbin
python -m runtime classify digits.xclbin seven.png
python -m runtime classify digits_loaded.xclbin seven.png --parameters retrained.npz
python -m runtime evaluate resnet50_w1a2.xclbin val --labels val.txt --csv results.csv
python -m runtime bench resnet50_w1a2.xclbin --plot bench.png
python -m runtime power
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from runtime import benchmark, console, info
from runtime.arguments import number, output, plot, whole
from runtime.container.xclbin import Xclbin
from runtime.errors import AcceleratorError, DeviceError, EvaluationError, ImageError
from runtime.evaluation.evaluate import Score, evaluate
from runtime.evaluation.labels import read_labels
from runtime.inference.accelerator import Accelerator
from runtime.inference.pipeline import Result, Scored
from runtime.power import Recording
from runtime.xrt import cards
from runtime.xrt.device import XrtDevice


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its status.

    0 if all images were classified, or at least one evaluated; 1 after an error; 2 (from argparse) for a call that cannot be
    read; 130 after an interrupt.
    """
    console.degrade()
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except AcceleratorError as error:
        return _complain(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone, as `head` does; Python must not try to flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resflow", description="Run accelerators made by resflow.")
    commands = parser.add_subparsers(dest="command", required=True)
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument("--device", help="emulation, all, or a card's index, PCIe address or shell name; RESFLOW_DEVICE if left out")
    named = argparse.ArgumentParser(add_help=False, parents=[chosen])
    named.add_argument("xclbin", help="the accelerator")

    computing = argparse.ArgumentParser(add_help=False, parents=[named])
    computing.add_argument(
        "--parameters",
        metavar="FILE",
        help="load these, an npz or a .constants file, in place of those in an xclbin with constants: loaded",
    )

    described = commands.add_parser("info", parents=[chosen], help="print what is in an xclbin, and which devices there are")
    described.add_argument("xclbin", nargs="?", help="the accelerator; the devices alone if left out")
    described.set_defaults(run=_info)

    classify = commands.add_parser("classify", parents=[computing], help="print the labels of images, best first")
    classify.add_argument("images", nargs="+", metavar="image", help="PNG, JPEG, BMP, GIF, PPM, TIFF or WebP")
    classify.add_argument(
        "--top", type=whole(1, 1_000_000), metavar="K", help="print the K best labels; all the accelerator gives if left out"
    )
    classify.add_argument("--scores", action="store_true", help="print the score behind each label")
    classify.set_defaults(run=_classify)

    evaluation = commands.add_parser(
        "evaluate", parents=[computing], help="classify a folder of images and count how many labels are right"
    )
    evaluation.add_argument("folder", type=Path, help="JPEG and PNG files, in subfolders or not")
    evaluation.add_argument("--labels", type=Path, required=True, help="a line per image: its path in the folder, and its label")
    evaluation.add_argument(
        "--csv", type=output, metavar="OUT", help="append results to it; images that it has already are not computed again"
    )
    evaluation.set_defaults(run=_evaluate)

    bench = commands.add_parser("bench", parents=[computing], help="measure latency, frames/s and power against batch size")
    bench.add_argument("--batch", type=whole(1, 100_000), nargs="+", default=benchmark.BATCHES, metavar="N", help="frames of a run")
    bench.add_argument("--repetitions", type=whole(1, 1_000_000), default=benchmark.REPETITIONS, metavar="N")
    bench.add_argument("--warm-up", type=whole(0, 1_000_000), default=benchmark.WARM_UP, metavar="N", help="runs that are not measured")
    bench.add_argument("--json", action="store_true", help="print JSON instead of a table")
    bench.add_argument("--plot", type=plot, metavar="OUT", help="draw it, too: PNG, PDF or SVG")
    bench.set_defaults(run=_bench)

    power = commands.add_parser("power", parents=[chosen], help="show what a card draws until Ctrl-C")
    power.add_argument("--seconds", type=number(0.1, 1_000_000_000), metavar="S", help="stop after so long")
    power.set_defaults(run=_power)
    return parser


def _info(arguments: argparse.Namespace) -> int:
    if arguments.xclbin is not None:
        print(_lines(info.file(Xclbin.read(arguments.xclbin))))
    if arguments.device not in (None, cards.EMULATION, "all"):
        print(f"{'device':11}{cards.find(arguments.device)}")
    else:
        chosen = cards.chosen()
        if arguments.device is None and chosen not in (None, cards.EMULATION, "all"):
            cards.find(str(chosen), f"{cards.VARIABLE}=")  # that it is one: everything else will use it
        print(_lines(info.machine()))
    return 0


def _open(arguments: argparse.Namespace) -> Accelerator:
    """The accelerator, with the parameters that were named."""
    accelerator = Accelerator.open(arguments.xclbin, device=arguments.device)
    if arguments.parameters is not None:
        try:
            accelerator.load_parameters(arguments.parameters)
        except BaseException:
            accelerator.close()
            raise
    return accelerator


def _classify(arguments: argparse.Namespace) -> int:
    status, top = 0, arguments.top
    with _open(arguments) as accelerator:
        manifest = accelerator.manifest
        if top is not None and top > manifest.top:
            why = f"{manifest.network} gives its {manifest.top} best labels"
            raise AcceleratorError("--top", str(top), why, f"ask for at most {manifest.top}")
        results: Iterable[Result | Scored] = accelerator.stream(arguments.images)
        if arguments.scores:
            results = accelerator.stream(arguments.images, scores=True)
        for path, result in zip(arguments.images, results, strict=True):
            if isinstance(result, ImageError):
                status = _complain(result)
                continue
            labels, scores = result if isinstance(result, tuple) else (result, None)
            names = [manifest.label_names[label] if manifest.label_names else str(label) for label in labels[:top]]
            if scores is not None:
                names = [f"{name} {score}" for name, score in zip(names, scores, strict=False)]
            print(f"{_printable(path)}: {', '.join(names)}")
    return status


def _evaluate(arguments: argparse.Namespace) -> int:
    csv = arguments.csv
    try:
        with (
            _open(arguments) as accelerator,
            tqdm(unit=" images", disable=not sys.stderr.isatty(), leave=False) as bar,
        ):
            known = read_labels(arguments.labels, accelerator.manifest)

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

            score = evaluate(accelerator, arguments.folder, known, csv=csv, complain=complain, progress=progress)
            is_random = accelerator.manifest.versions.get("parameters") == "random" and arguments.parameters is None
    except KeyboardInterrupt:
        kept = f"; {_printable(str(csv))} keeps what was done: the same call goes on with it" if csv is not None else ""
        print(f"interrupted{kept}", file=sys.stderr)
        return 130
    if not score.evaluated:
        why, fix = f"all {score.failed:,} images with a label failed", "see the errors above"
        raise EvaluationError(str(arguments.folder), "nothing was evaluated", why, fix)
    print(score.table + ("\nlabels  by chance: the parameters are random" if is_random else ""))
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    with _open(arguments) as accelerator:
        manifest, device = accelerator.manifest, accelerator.devices[0].name
        bar = tqdm(arguments.batch, unit=" batch sizes", disable=not sys.stderr.isatty(), leave=False)
        rows = [benchmark.measure(accelerator, batch, repetitions=arguments.repetitions, warm_up=arguments.warm_up) for batch in bar]
    if arguments.json:
        print(json.dumps(benchmark.to_json(manifest, device, rows), indent=1))
    else:
        print(f"{manifest.network} on {device}, {arguments.repetitions} repetitions")
        print(benchmark.table(manifest, rows))
    if arguments.plot is not None:
        benchmark.save(benchmark.figure(manifest, device, rows), arguments.plot)
    return 0


def _power(arguments: argparse.Namespace) -> int:
    """A line that is written over on a terminal, and one after the other elsewhere."""
    selector, source = (arguments.device, "device ") if arguments.device else (cards.chosen() or 0, f"{cards.VARIABLE}=")
    if selector == cards.EMULATION:
        raise DeviceError("device 'emulation'", "no power", "it has no sensors, and numbers are not made up", "choose a card")
    device = XrtDevice(cards.find(selector, source))
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    with Recording(device) as recording:
        if not recording.available:
            why = "neither the driver's files nor xrt-smi or xbutil are there to read"
            raise DeviceError(device.name, "power not available", why, "install XRT, or choose another card")
        while (end is None or time.monotonic() < end) and recording.error is None:
            time.sleep(0.5)
            if recording.samples:
                last = recording.samples[-1]
                rails = "  ".join(f"{rail.name} {rail.volts:.2f} V {rail.amps:.2f} A" for rail in last.rails if rail.amps is not None)
                board, fpga = (f"{watts:.1f} W" if watts is not None else "n/a" for watts in (last.board_watts, last.fpga_watts))
                line = f"{last.seconds:8.1f} s  board {board}  FPGA {fpga}  {rails}"
                print(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)
    if recording.error is not None:
        raise recording.error
    return 0


def _complain(error: AcceleratorError) -> int:
    print(_lines(f"error: {error}"), file=sys.stderr)
    return 1


def _lines(text: str) -> str:
    return "\n".join(map(_printable, text.split("\n")))


def _printable(text: str) -> str:
    """The text without what a terminal would obey instead of show: file names may hold anything."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


if __name__ == "__main__":
    sys.exit(main())
