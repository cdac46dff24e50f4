"""Measures us beside the peers and writes the tables to benchmarks/RESULTS.md.

    python -m benchmarks.run [--parts images,start,listing,ui,server] [--runs 3] [--pull-runs 2] [DOCKER_HOST …]

``images`` needs Docker daemons, docker, docker-registry and skopeo (1.10 or later for daemons of version 25 or later),
MinIO if its figures for S3 are to mean much (else moto takes its place), and about 60 GB of disk for three daemons;
everything is taken away again at its end. ``start`` and ``listing`` need docker-registry and skopeo. Programs are
looked for in ``bin`` of the test bed (``OCISTORE_TESTBED``), then in PATH. Run it on a quiet machine, and expect 10 to
12 minutes for each daemon. Nothing leaves the machine but what fetches the packages of the image, once.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import ocistore_tui
from benchmarks.image import build_image, layer_count
from benchmarks.images import Bench, cleaned, find_daemon, pull_rows, push_rows
from benchmarks.report import RESULTS, images_table, write_part
from benchmarks.stores import Store, directory_store, s3_store

_WHO = "ours,archive,registry,docker,skopeo"
OPENERS: dict[str, Callable[[Path], AbstractContextManager[Store]]] = {"fs": directory_store, "s3": s3_store}


def main() -> None:
    """Run everything that was asked for."""
    options = _options()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    # As pip leaves an installed program, whatever PYTHONDONTWRITEBYTECODE says here.
    compileall.compile_dir(Path(ocistore_tui.__file__).parent, quiet=2)
    if options.build_only:
        image = build_image(options.work, tiny=options.tiny)
        print(f"{image}: {image.stat().st_size / 1e6:.0f} MB")
        return
    command = "python -m benchmarks.run " + " ".join(_shown(sys.argv[1:]))
    for part in options.parts:
        if part == "images":
            lines = _images(options)
        elif part == "start":
            from benchmarks.start import measure_start

            lines = measure_start(options.work)
        elif part == "ui":
            from benchmarks.ui import measure_ui

            lines = measure_ui(options.work)
        elif part == "server":
            from benchmarks.serving import measure_serving

            lines = measure_serving(options.work, runs=options.runs)
        else:
            from benchmarks.listing import measure_listing

            lines = measure_listing(options.work, keys=options.keys)
        write_part(part, lines, command=command.strip(), path=options.results)
        print(f"{part}: written to {options.results}", flush=True)


def _images(options: argparse.Namespace) -> list[str]:
    image = options.image or build_image(options.work, tiny=options.tiny)
    daemons = [find_daemon(host) for host in options.hosts]
    bench = Bench(options.work, image, frozenset(options.who))
    with contextlib.ExitStack() as stack:
        stack.enter_context(cleaned(bench, daemons, keep=options.keep))
        stores = [stack.enter_context(OPENERS[kind](options.work)) for kind in options.stores]
        for turn in range(options.runs):
            for daemon in daemons:
                with bench.survived(daemon.label, "preparing pushes"):
                    push_rows(bench, daemon, stores, turn)
        for turn in range(options.pull_runs):
            for store in stores:
                with bench.survived(store.kind, "preparing pulls"):
                    pull_rows(bench, daemons, store, turn)
        server = next((store.server for store in stores if store.server), "")
    for leftover in options.work.glob("cache-*"):
        shutil.rmtree(leftover)
    through = f"docker-registry over the same store{f' (s3: {server})' if server else ''}"
    notes = (
        f"A docker-archive of {image.stat().st_size / 1e6:.0f} MB in {layer_count(image)} layers. docker and skopeo go "
        f"through {through}. Wall seconds are medians of whole processes; *ours / it* is our median over theirs (below "
        "1: we are faster); machine CPU counts daemon, registry and server too; peak memory is that of the client's "
        "largest process. *Digests unknown*: the store has the other layers from us, so that docker does not "
        "know. *Rest loaded*: the daemon has the other layers by `docker load`."
    )
    failures = [f"- {failure[:300]}" for failure in dict.fromkeys(bench.failures)]
    return [notes, "", *images_table(bench.samples), *([""] if failures else []), *failures]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def words(allowed: str) -> Callable[[str], list[str]]:
        def parse(text: str) -> list[str]:
            unknown = set(text.split(",")) - set(allowed.split(","))
            if unknown:
                raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {allowed}")
            return text.split(",")

        return parse

    parser.add_argument(
        "hosts", nargs="*", metavar="DOCKER_HOST", help="daemons to measure on, such as unix:///run/docker.sock"
    )
    parser.add_argument(
        "--parts",
        type=words("images,start,listing,ui,server"),
        default=None,
        help="default: all; images only with a DOCKER_HOST",
    )
    parser.add_argument("--runs", type=int, default=3, help="pushes of each kind (3)")
    parser.add_argument("--pull-runs", type=int, default=2, help="pulls of each kind (2)")
    parser.add_argument("--stores", type=words("fs,s3"), default=["fs", "s3"])
    parser.add_argument("--who", type=words(_WHO), default=_WHO.split(","))
    parser.add_argument(
        "--keys", type=int, default=200_000, help="keys listed per adapter; figures are scaled to a million"
    )
    parser.add_argument("--image", type=Path, default=None, help="a docker-archive to use instead of the built one")
    parser.add_argument("--tiny", action="store_true", help="an image of a few MB, to try the program itself")
    parser.add_argument("--build-only", action="store_true", help="build the image and stop")
    parser.add_argument("--keep", action="store_true", help="leave the images in the daemons")
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / ".work")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.build_only:
        return options
    if options.parts is None:
        options.parts = ["images"] * bool(options.hosts) + ["start", "listing", "ui", "server"]
    if "images" in options.parts and not options.hosts:
        parser.error("images needs at least one DOCKER_HOST")
    return options


def _shown(arguments: list[str]) -> list[str]:
    """The command line without this machine's paths."""
    shown = []
    for before, word in zip(["", *arguments], arguments, strict=False):
        path = before in ("--image", "--work", "--results")
        shown.append("DOCKER_HOST" if "://" in word else "PATH" if path else word)
    return shown


if __name__ == "__main__":
    main()
