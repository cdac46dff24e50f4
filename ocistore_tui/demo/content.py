"""Content to try the program on: a tag with a past, an index with attachments, shared layers, many tags, a chart.

Everything is made here and goes in as any image does, by pushes of layouts: the store cannot tell it from others.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from ocistore_tui.demo import images as made
from ocistore_tui.engine.service import Service
from ocistore_tui.errors import IntegrityError, NotFound
from ocistore_tui.model.plan import PushRequest
from ocistore_tui.model.reference import Reference

_ARTIFACT_CONFIG = "application/vnd.oci.empty.v1+json"
_SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
_SIGNED = "application/vnd.dev.cosign.simplesigning.v1+json"
_SPDX = "application/spdx+json"
_CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
TOOL_VERSIONS = (
    "0.9.0", "0.9.1", "0.10.0", "1.0.0-rc1", "1.0.0", "1.1.0", "1.2.0", "1.9.0", "1.10.0", "1.10.1", "2.0.0", "latest",
)  # fmt: skip
"""Tags that come in another order when they are sorted as text."""


@dataclass(frozen=True, slots=True)
class Step:
    """One push of the demo."""

    reference: str
    image: made.Image
    said: str = ""
    """What it shows, for people; empty: nothing new."""


def add_demo(service: Service, folder: Path, on_step: Callable[[str], None]) -> None:
    """Push the demo's content into a store and write its archives. Tags that are there already are left alone.

    Args:
        service: The store.
        folder: Where the archives go; made when it is missing.
        on_step: Told what comes next, in words.

    Raises:
        OciStoreError: whatever a push raises.
        OSError: the archives cannot be written.
    """
    on_step("making images")
    steps = story()
    repositories = {step.reference.partition(":")[0] for step in steps}
    before = {f"{name}:{tag}" for name in repositories for tag in _tags(service, name)}
    with tempfile.TemporaryDirectory(prefix="ocistore-demo-") as name:
        work = Path(name)
        for number, step in enumerate(steps):
            if step.said:
                on_step(step.said)
            if step.reference not in before:
                _push(service, step.reference, step.image, work / str(number))
        if not before:
            _leave_orphan(service, work / "orphan")
    on_step("writing archives for the left side")
    _write_archives(folder)
    on_step("done")


def story() -> list[Step]:
    """The pushes, in their order: a tag that is pushed again has moved."""
    hello = [hello_image(version) for version in ("1.0", "1.1", "1.2")]
    multi, parts = multi_image()
    tools = [tools_image(version) for version in TOOL_VERSIONS]
    steps = [
        Step("demo/hello:1.0", hello[0], "demo/hello: a tag that moves twice"),
        Step("demo/hello:latest", hello[0]),
        Step("demo/hello:1.1", hello[1]),
        Step("demo/hello:latest", hello[1]),
        Step("demo/hello:1.2", hello[2]),
        Step("demo/hello:latest", hello[2]),
        Step("demo/multi:1.0", multi, "demo/multi: two platforms, a signature, an SBOM"),
        *(Step(f"demo/multi:{attachment_tag(multi, kind)}", part) for kind, part in parts.items()),
        Step("demo/big:2026.1", big_image("2026.1"), "demo/big: layers it shares with others"),
        Step("demo/big:2026.2", big_image("2026.2")),
        Step("demo/chart:0.3.0", chart(), "demo/chart: no image, but a chart"),
    ]
    steps += [
        Step(f"demo/tools:{version}", image, f"demo/tools: {len(tools)} tags" if version == TOOL_VERSIONS[0] else "")
        for version, image in zip(TOOL_VERSIONS, tools, strict=True)
    ]
    return steps


def attachment_tag(subject: made.Image, kind: str) -> str:
    """The tag cosign gives an attachment: ``sha256-HEX.sig``, ``….sbom``."""
    return f"{subject.digest.replace(':', '-')}.{kind}"


@cache
def base_layer() -> made.Layer:
    """What most images of the demo begin with."""
    files = {"etc/os-release": b'NAME="demo"\nVERSION_ID="12"\n', "usr/lib/base": made.filler("base", 400_000)}
    return made.make_layer(files, created_by="ADD base.tar /")


def hello_image(version: str) -> made.Image:
    """One version of ``demo/hello``; each says something else and brings its own data."""
    script = f"#!/bin/sh\necho hello from {version}\n".encode()
    files = {"bin/hello": script, "usr/share/hello/data": made.filler(f"hello {version}", 40_000)}
    layers = [base_layer(), made.make_layer(files, created_by=f"COPY hello-{version}/ /")]
    return made.make_image(layers, labels={"org.opencontainers.image.version": version}, created=_day(int(version[-1])))


def tools_image(version: str) -> made.Image:
    """One version of ``demo/tools``; ``latest`` is the newest of them."""
    version = TOOL_VERSIONS[-2] if version == "latest" else version
    files = {
        "bin/tool": f"#!/bin/sh\necho tool {version}\n".encode(),
        "etc/tool": made.filler(f"tool {version}", 4_000),
    }
    layers = [base_layer(), made.make_layer(files, created_by=f"COPY tool-{version} /bin/tool")]
    return made.make_image(layers, command=("/bin/tool",), created=_day(11 * TOOL_VERSIONS.index(version)))


def big_image(version: str) -> made.Image:
    """One version of ``demo/big``: the base, a runtime both versions share, and an application."""
    runtime = made.make_layer({"usr/lib/runtime": made.filler("runtime", 600_000)}, created_by="RUN install runtime")
    app = made.make_layer({"app/main": made.filler(f"app {version}", 120_000)}, created_by="COPY app /app")
    settings = made.make_layer({"app/settings.json": b'{"demo": true}\n'}, created_by="COPY settings.json /app")
    return made.make_image(
        [base_layer(), runtime, app, settings], command=("/app/main",), created=_day(150 + int(version[-1]))
    )


def multi_image() -> tuple[made.Image, Mapping[str, made.Image]]:
    """An index of two platforms, and what is attached to it by kind: ``sig`` and ``sbom``."""
    platforms = [
        made.make_image(
            [
                base_layer(),
                made.make_layer({"bin/hello": made.filler(name, 50_000)}, created_by=f"COPY hello-{name} /bin"),
            ],
            architecture=name,
            created=_day(40),
        )
        for name in ("amd64", "arm64")
    ]
    index = made.make_index(platforms)
    signed = made.to_json(
        {
            "critical": {
                "identity": {"docker-reference": "demo/multi"},
                "image": {"docker-manifest-digest": index.digest},
                "type": "cosign container image signature",
            },
            "optional": {"note": "made by a demo; nobody can verify it"},
        }
    )
    packages = [{"SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": "1.0"} for name in ("base", "hello")]
    sbom = made.to_json(
        {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "multi", "packages": packages}
    )
    return index, {
        "sig": made.make_artifact(_SIGNATURE, _ARTIFACT_CONFIG, b"{}", [(_SIGNED, signed)], subject=index),
        "sbom": made.make_artifact(_SPDX, _ARTIFACT_CONFIG, b"{}", [(_SPDX, sbom)], subject=index),
    }


def chart() -> made.Image:
    """A chart as Helm pushes one."""
    files = {
        "demo/Chart.yaml": b"apiVersion: v2\nname: demo\nversion: 0.3.0\ndescription: A chart to look at\n",
        "demo/templates/pod.yaml": b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: demo\n",
    }
    about = made.to_json({"name": "demo", "version": "0.3.0", "apiVersion": "v2", "description": "A chart to look at"})
    return made.make_artifact("", _CHART_CONFIG, about, [(_CHART, made.make_layer(files, created_by="").blob)])


def archives() -> dict[str, bytes]:
    """The files of the left side, by name: the same as stored, new, another image of a stored name, an index."""
    multi, _ = multi_image()
    changed = made.make_layer({"bin/tool": b"#!/bin/sh\necho changed here\n"}, created_by="COPY changed /bin/tool")
    other = made.make_image([base_layer(), changed], command=("/bin/tool",), created=_day(160))
    return {
        "hello-1.2.tar": made.docker_archive({"demo/hello:1.2": hello_image("1.2")}),
        "hello-1.3.tar": made.docker_archive({"demo/hello:1.3": hello_image("1.3")}),
        "tools-2.0.0.tar": made.docker_archive({"demo/tools:2.0.0": other}),
        "big-2026.3.tar": made.docker_archive({"demo/big:2026.3": big_image("2026.3")}),
        "multi-1.0.tar": made.oci_archive({"demo/multi:1.0": multi}),
    }


def _tags(service: Service, repository: str) -> list[str]:
    try:
        return list(service.tag_names(repository))
    except NotFound:
        return []


def _push(service: Service, reference: str, image: made.Image, directory: Path) -> None:
    _write(directory, made.oci_layout({"demo": image}))
    request = PushRequest(Reference.parse(reference), f"oci:{directory}", all_platforms=True)
    service.push(service.plan_push(request))


def _leave_orphan(service: Service, directory: Path) -> None:
    """Leave what no image names: a push that lacks a layer is refused once the other layer and the config are there."""
    stopped = made.make_layer({"app/main": made.filler("orphan", 150_000)}, created_by="COPY app /app")
    lost = made.make_layer({"app/lost": b"never sent\n"}, created_by="COPY lost /app")
    image = made.make_image([stopped, lost])
    files = made.oci_layout({"demo": image})
    del files[f"blobs/sha256/{lost.digest.partition(':')[2]}"]
    _write(directory, files)
    try:
        service.push(service.plan_push(PushRequest(Reference.parse("demo/big:stopped"), f"oci:{directory}")))
    except IntegrityError:
        return


def _write_archives(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in archives().items():
        path = folder / name
        temporary = path.with_name(f".{name}.new")
        temporary.write_bytes(content)
        shutil.move(temporary, path)


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


def _day(number: int) -> str:
    """A day of its own for each version, so that ages differ; the same on every machine."""
    return (datetime(2025, 2, 3, 9, 30, tzinfo=UTC) + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
