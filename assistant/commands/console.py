"""What all commands share: the console, progress bars, and how an error is said."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from retrieval import images
from retrieval.errors import InvalidInput, OutfitError, StoreLocked
from retrieval.items import Box, Detection

if TYPE_CHECKING:
    from PIL.Image import Image

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(error: OutfitError) -> int:
    """Say what happened and the next step; the exit status."""
    err.print(f"[bold red]error:[/] {_plain(str(error))}")
    if error.hint:
        err.print(f"[bold]next:[/] {_plain(error.hint)}")
    return 1


def note(text: str) -> None:
    """Say what is going on, beside the output."""
    err.print(f"[dim]{_plain(text)}[/]")


def open_photo(path: Path) -> Image:
    """The RGB picture in a file. An error names the file: `retrieval.images` keeps names out of what strangers read."""
    try:
        return images.read(path)
    except InvalidInput as error:
        if path.name in str(error):
            raise
        raise type(error)(f"{path}: {error}", hint=error.hint) from error


def box_of(text: str) -> Box:
    """The rectangle that --box gives: LEFT,TOP,RIGHT,BOTTOM in pixels."""
    try:
        left, top, right, bottom = (float(side) for side in text.split(","))
    except ValueError as error:
        raise InvalidInput(f"--box {text!r}: expected LEFT,TOP,RIGHT,BOTTOM in pixels, e.g. 20,40,200,380") from error
    return Box(left, top, right, bottom)


def show_choice(detections: Sequence[Detection], left_out: int = 0) -> None:
    """The garments of a photo with their numbers, for --choose."""
    out.print(f"{len(detections)} garments found. Choose one with --choose N:")
    for number, found in enumerate(detections, 1):
        box = ",".join(f"{side:.0f}" for side in found.box.as_tuple())
        out.print(f"  {number}  {found.slot or found.label}  {found.confidence:.0%}  box {box}")
    if left_out:
        out.print(f"  and {left_out} more, less sure: give the --box of the one that is meant")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """Gives `show(stage, done, total)`: a bar with rate and time left on a terminal, silence in a pipe."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, int] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, rate="")
            speed = bar.tasks[tasks[stage]].speed
            bar.update(tasks[stage], completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield show


def interrupted() -> Callable[[], bool]:
    """Whether Ctrl-C was pressed: what runs saves and stops; a second one stops at once."""
    pressed: list[int] = []

    def press(number: int, frame: object) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, press)
    return lambda: bool(pressed)


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file while the block runs. Raises StoreLocked at once where another process has it."""
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout as error:
        raise StoreLocked(f"{what} is running already (lock {lock})", hint="wait for it to end, or stop it") from error
    try:
        yield
    finally:
        held.release()


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
