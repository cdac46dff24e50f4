"""The file trees the large image is made of, from this machine's own package sources."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

NODE_PACKAGES = (
    "typescript@5.4.5", "webpack@5.91.0", "eslint@8.57.0", "@babel/core@7.24.5", "@babel/preset-env@7.24.5",
    "date-fns@3.6.0", "rxjs@7.8.1", "three@0.164.1", "lodash@4.17.21",
)  # fmt: skip
PYTHON_PACKAGES = ("numpy==1.26.4", "pandas==2.2.2", "scipy==1.13.0", "sympy==1.12")
MACHINE_BYTES = 170_000_000
"""How much of this machine's own files stands in for the Debian tree."""


def debian_tree(tree: Path) -> Path:
    """A minimal Debian by debootstrap, of the suite and the source this machine uses (about 170 MB)."""
    if _is_done(tree):
        return tree
    source = _apt_source()
    if shutil.which("debootstrap") is None or source is None:
        why = "debootstrap is not installed" if source else "this machine has no Debian package source"
        print(f"{why}: the first layer is packed from this machine's /usr/lib instead", flush=True)
        _copy_some(Path("/usr/lib"), tree / "usr/lib", MACHINE_BYTES)
        return _done(tree)
    suite, mirror, keyring = source
    trust = [f"--keyring={keyring}"] if keyring else []
    _run(["debootstrap", "--variant=minbase", *trust, suite, str(tree), mirror], tree)
    return _done(tree)


def node_tree(tree: Path) -> Path:
    """A ``node_modules`` of well-known packages by npm: thousands of small files (about 140 MB)."""
    if _is_done(tree):
        return tree
    if shutil.which("npm") is None:
        raise RuntimeError("the benchmark image needs npm for its second layer; install it or give --image FILE")
    tree.mkdir(parents=True)
    (tree / "package.json").write_text('{"name": "bench", "private": true}\n')
    _run(["npm", "install", "--prefix", str(tree), "--ignore-scripts", "--no-audit", "--no-fund", *NODE_PACKAGES], tree)
    return _done(tree)


def python_tree(tree: Path) -> Path:
    """A virtual environment with large packages by pip (about 390 MB)."""
    if _is_done(tree):
        return tree
    _run([sys.executable, "-m", "venv", str(tree)], tree)
    _run([str(tree / "bin/pip"), "install", "--quiet", "--only-binary=:all:", *PYTHON_PACKAGES], tree)
    return _done(tree)


def standard_library_tree(trees: Path, package: str) -> Path:
    """A copy of one package of the standard library, for an image that needs no network."""
    target = trees / package
    if not target.exists():
        shutil.copytree(Path(sysconfig.get_paths()["stdlib"]) / package, target)
    return target


def _is_done(tree: Path) -> bool:
    """Whether the tree was finished; what an interrupted build left is removed."""
    if tree.with_suffix(".done").exists():
        return True
    shutil.rmtree(tree, ignore_errors=True)
    return False


def _done(tree: Path) -> Path:
    tree.with_suffix(".done").touch()
    return tree


def _run(command: list[str], tree: Path) -> None:
    print(f"building the benchmark image: {Path(command[0]).name} → {tree.name}", flush=True)
    log = tree.with_suffix(".log")
    with log.open("ab") as sink:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False).returncode
    if code:
        raise RuntimeError(f"{Path(command[0]).name} ended with {code}; see {log}, or give --image FILE")


def _apt_source() -> tuple[str, str, str] | None:
    """Suite, address and keyring (may be empty) of the main package source of this machine; None without one."""
    for path in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = {
                name.strip().lower(): value.strip()
                for name, separator, value in (line.partition(":") for line in stanza.splitlines())
                if separator and not name.startswith("#")
            }
            suite = fields.get("suites", "").split(" ")[0]
            if "main" in fields.get("components", "").split() and _is_base(suite):
                return suite, fields["uris"].split()[0], fields.get("signed-by", "")
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))]
    for path in lists:
        for line in path.read_text().splitlines() if path.exists() else ():
            match = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
            if match and "main" in match[3].split() and _is_base(match[2]):
                return match[2], match[1], ""
    return None


def _is_base(suite: str) -> bool:
    """Whether a whole system can be made of the suite: one of updates, or of one vendor's packages, cannot."""
    return Path("/usr/share/debootstrap/scripts", suite).exists() if suite else False


def _copy_some(source: Path, target: Path, limit_bytes: int) -> None:
    copied = 0
    for path in sorted(source.rglob("*")):
        if copied >= limit_bytes:
            return
        if path.is_file() and not path.is_symlink():
            to = target / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
            copied += path.stat().st_size
