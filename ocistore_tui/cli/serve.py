"""``serve``: a store as a registry, until somebody stops it."""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ocistore_tui.cli.garbage import look_as_usual
from ocistore_tui.cli.interrupt import TICK_S, Interrupted, temporary_files
from ocistore_tui.cli.output import Output
from ocistore_tui.errors import UsageError
from ocistore_tui.model.text import inert

if TYPE_CHECKING:
    from ocistore_tui.serving.connection import Answered
    from ocistore_tui.wiring.place import Place
    from ocistore_tui.wiring.serve import ServeOptions, Serving

_M_ARENA_MAX, _ARENAS = -8, 2
"""malloc.h; see mallopt(3)."""
_Function = TypeVar("_Function", bound=Callable[..., Any])


def serve_options(function: _Function) -> _Function:
    """The options of this verb."""
    file = click.Path(dir_okay=False)
    for decorate in (
        click.option(
            "--insecure", is_flag=True, help="Listen beyond this computer without authentication or TLS, too."
        ),
        click.option("--tls-key", type=file, metavar="FILE", help="The certificate's key."),
        click.option("--tls-cert", type=file, metavar="FILE", help="Speak TLS with this certificate (PEM)."),
        click.option("--token-file", type=file, metavar="FILE", help="Only for those who know the token in it."),
        click.option("--password-file", type=file, metavar="FILE", help="Its first line is the user's password."),
        click.option("--user", metavar="NAME", help="Only for this user."),
        click.option("--allow-delete", is_flag=True, help="With --read-write: also delete tags, manifests, blobs."),
        click.option(
            "--read-only/--read-write", "read_only", default=True, help="Whether clients may push; default: only read."
        ),
        click.option(
            "--listen", multiple=True, metavar="HOST:PORT",
            help="Where; default 127.0.0.1:5000. localhost is both loopbacks, port 0 a free one.",
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


def options_of(typed: dict[str, Any]) -> ServeOptions:
    """What they say.

    Raises:
        UsageError: they contradict one another.
    """
    from ocistore_tui.wiring.serve import DEFAULT_LISTEN, ServeOptions

    if typed["allow_delete"] and typed["read_only"]:
        raise UsageError("--allow-delete is of no use where clients may only read", fix="add --read-write")
    return ServeOptions(
        listen=tuple(typed["listen"]) or (DEFAULT_LISTEN,),
        can_write=not typed["read_only"],
        can_delete=typed["allow_delete"],
        **{name: typed[name] for name in ("user", "password_file", "token_file", "tls_cert", "tls_key", "insecure")},
    )


def serve(output: Output, place: Place, options: ServeOptions) -> None:
    """Serve until a signal comes.

    Raises:
        Interrupted: one came; running requests had time to finish, unless a second one came.
    """
    from ocistore_tui.wiring.serve import Serving

    look_as_usual()
    _warn(output, options)
    _share_memory()
    with temporary_files():
        serving = Serving(place, options, log=lambda answered: _log(output, answered), fault=lambda text: _fault(
            output, text))  # fmt: skip
        try:
            _tell(output, serving, options)
            while True:
                time.sleep(TICK_S)
        except Interrupted as interrupted:
            interrupted.kept = _stop(output, serving)
            raise
        except BaseException:
            serving.close(grace_s=0)
            raise


def _share_memory() -> None:
    """Let the many threads to come share what they free: the C library keeps a heap for each, and most of it idle.

    Measured: a third of the memory after many large uploads to a bucket. Elsewhere than with glibc there is no need.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def _warn(output: Output, options: ServeOptions) -> None:
    if options.insecure:
        output.warn("--insecure: whoever reaches this port may read what is served, and what is sent")
    for file in filter(None, (options.password_file, options.token_file, options.tls_key)):
        try:
            if Path(file).stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
                output.warn(f"{inert(file, limit=200)} can be read by other users of this machine: chmod 600")
        except OSError:
            continue  # whoever needs it will say so


def _tell(output: Output, serving: Serving, options: ServeOptions) -> None:
    urls, store = serving.urls, inert(serving.store_url, limit=300)
    mode = "read-write" if options.can_write else "read-only"
    may_delete = options.can_write and options.can_delete
    output.say(f"serving {store}, {mode}{', deleting allowed' if may_delete else ''}; Ctrl-C stops")
    output.say(f"docker pull {_as_typed(urls[0])}/REPOSITORY:TAG")
    # Last, for whoever waits for it may ask at once, and the log would come in between.
    output.document(
        "serve", {"url": urls[0], "urls": urls, "store": serving.store_url, "mode": mode, "deletes": may_delete}
    )
    for url in urls:
        output.result(url)
    output.flush()


def _as_typed(url: str) -> str:
    """Host and port as a client of this computer names them."""
    host, _, port = url.partition("://")[2].rpartition(":")
    return f"{'localhost' if host in ('0.0.0.0', '[::]') else host}:{port}"  # noqa: S104 - compared, not listened at


def _stop(output: Output, serving: Serving) -> str:
    """Stop, and say what became of running requests."""
    try:
        output.say("stopping: running requests may finish; once more stops at once")
        left = serving.close()
    except Interrupted:
        left = serving.close(grace_s=0)
    return f"{left} running requests were cut off" if left else "all requests were finished"


def _log(output: Output, answered: Answered) -> None:
    from ocistore_tui.model.words import size

    if output.events:
        output.event(
            "request",
            {
                "time": _now(), "peer": answered.peer, "user": answered.user, "method": answered.method,
                "target": answered.target, "status": answered.status, "received_bytes": answered.received_bytes,
                "sent_bytes": answered.sent_bytes, "duration_s": round(answered.took_s, 6), "agent": answered.agent,
                "trouble": answered.trouble,
            },
        )  # fmt: skip
        return
    trouble = f"  ! {answered.trouble}" if answered.trouble else ""
    output.say(
        f'{_now()} {answered.peer} {answered.user or "-"} "{answered.method} {answered.target}" {answered.status} '
        f'in {size(answered.received_bytes)} out {size(answered.sent_bytes)} {answered.took_s:.3f} s "{answered.agent}"'
        f"{trouble}"
    )


def _fault(output: Output, text: str) -> None:
    output.warn("a fault of the program, please report it:\n" + "\n".join(map(inert, text.splitlines())))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
