"""Uploaded files as upright, opaque RGB images, within the limits on bytes and pixels.

``server.services.ink`` goes on from there to the network's form.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from server.errors import InvalidPicture, LimitExceeded, Problem, TooLarge, UnsupportedMedia
from server.schemas.preprocessing import Step
from server.settings import Settings

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
LARGEST_SIDE = 768
"""Larger images are reduced to this before anything is measured in them, in pixels, unless a model
takes larger ones."""

POINTER = "image"

SCANS = 100
"""Most passes over a JPEG's image, of which usual files have 1 to 20: each one decodes all of it
again, and takes a few bytes of the file."""
_START_OF_SCAN = b"\xff\xda"

_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored and turned by 180 degrees",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees clockwise",
    7: "mirrored and turned by 90 degrees",
    8: "turned by 90 degrees anticlockwise",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as it is meant to be looked at."""

    format: str
    width: int
    height: int
    """Size of the file's image, upright, in pixels."""
    pixels: NDArray[np.uint8]
    """RGB (height, width, 3), at most so large as was asked for."""
    reduction: float
    """Pixels here for one pixel of the file, at most 1."""
    steps: tuple[Step, ...]


def open_picture(data: bytes, limits: Settings, *, largest_side: int = LARGEST_SIDE) -> Picture:
    """Decode a PNG, JPEG, WebP or GIF file.

    Args:
        data: the file.
        limits: on its bytes, its pixels, and the time that it takes.
        largest_side: larger images are reduced to this, in pixels.

    Raises:
        TooLarge: too many bytes, or too many pixels by its header; nothing is decoded then.
        LimitExceeded: too many scans, or too much time is needed to decode it.
        UnsupportedMedia: none of the four formats.
        InvalidPicture: of one of the formats, but damaged.
    """
    if len(data) > limits.image_bytes:
        raise TooLarge(
            f"The image file has {len(data)} bytes; {limits.image_bytes} are allowed.",
            pointer=POINTER,
            value=len(data),
            limit=limits.image_bytes,
        )
    if not data:
        raise InvalidPicture("The image file is empty.", pointer=POINTER, value="")
    with _opened(data, limits) as file:
        steps = [_decoding_step(file)]
        image = _loaded(file)
        turn = _TURNS.get(_orientation(image))
        if turn:
            image = ImageOps.exif_transpose(image)
            steps.append(Step(name="rotate", detail=f"The file says how to hold it: {turn}."))
        width, height = image.size
        image = _eight_bits(image)
        reduced = _reduced(image, largest_side)
        reduction = max(reduced.size) / max(image.size)
        if reduction < 1:
            steps.append(
                Step(name="reduce", detail=f"Reduced to {reduced.width}x{reduced.height} pixels.")
            )
        pixels, alpha_step = _without_alpha(reduced)
        steps += alpha_step
        return Picture(str(file.format), width, height, pixels, reduction, tuple(steps))


_SMALL_READ = 4_096
_SMALL_READS = 256


class _TimedFile(io.BytesIO):
    """A file that can be read until a thread has used so much processor time.

    Pillow reads before it does anything that takes long, and a piece at a time, so that this ends
    it: whoever wrote the file, not its size, decides how long it takes.
    """

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._seconds = seconds
        self._end = time.thread_time() + seconds
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; raises LimitExceeded when the time is up."""
        self._reads += 1
        # A large piece can take long; of small ones, asking for the time would take longest.
        large = size is None or not 0 <= size < _SMALL_READ
        if (large or self._reads % _SMALL_READS == 0) and time.thread_time() > self._end:
            raise LimitExceeded(
                f"Decoding the image takes longer than the {self._seconds:g} seconds that are "
                "allowed.",
                pointer=POINTER,
                limit=self._seconds,
            )
        return super().read(size)


def _opened(data: bytes, limits: Settings) -> Image.Image:
    scans = data.count(_START_OF_SCAN) if data.startswith(b"\xff\xd8") else 0
    if scans > SCANS:
        raise LimitExceeded(
            f"The JPEG file has {scans} scans; {SCANS} are allowed.",
            pointer=POINTER,
            value=scans,
            limit=SCANS,
        )
    try:
        file = Image.open(_TimedFile(data, limits.image_seconds), formats=FORMATS)
    except Problem:
        raise
    except UnidentifiedImageError as error:
        raise UnsupportedMedia(
            "The file is not a PNG, JPEG, WebP or GIF image, whatever its name says.",
            pointer=POINTER,
            value=data[:16].decode("latin-1"),
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels("The image has far too many pixels", limits) from error
    except Exception as error:  # Pillow's readers raise many kinds for damaged headers
        raise _damaged(error) from error
    width, height = file.size
    if width * height > limits.image_pixels:
        file.close()
        raise _too_many_pixels(f"The image is {width}x{height} pixels", limits)
    return file


def _too_many_pixels(found: str, limits: Settings) -> TooLarge:
    return TooLarge(
        f"{found.rstrip('.')}; {limits.image_pixels} pixels are allowed.",
        pointer=POINTER,
        limit=limits.image_pixels,
    )


def _damaged(error: Exception) -> InvalidPicture:
    reason = str(error) or type(error).__name__
    return InvalidPicture(f"The image is damaged: {reason}.", pointer=POINTER)


def _loaded(file: Image.Image) -> Image.Image:
    try:
        file.load()
    except Problem:
        raise
    except Exception as error:  # as above; a truncated file is an OSError
        raise _damaged(error) from error
    return file


def _decoding_step(file: Image.Image) -> Step:
    frames = getattr(file, "n_frames", 1)
    first = f"; the first of {frames} frames" if frames > 1 else ""
    return Step(
        name="decode",
        detail=f"{file.format}, {file.width}x{file.height} pixels, {file.mode}{first}.",
    )


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF: the image is held as it comes
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image as RGB or RGBA of 8 bits."""
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
        levels = np.asarray(image).clip(0, 65535) // 257
        image = Image.fromarray(levels.astype(np.uint8))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _reduced(image: Image.Image, largest_side: int) -> Image.Image:
    side = max(image.size)
    if side <= largest_side:
        return image
    size = [max(1, round(length * largest_side / side)) for length in image.size]
    return image.resize((size[0], size[1]), Image.Resampling.BOX)


def _without_alpha(image: Image.Image) -> tuple[NDArray[np.uint8], list[Step]]:
    """RGB, with what is transparent put onto a background on which the ink is seen."""
    if image.mode == "RGB":
        return np.asarray(image), []
    values = np.asarray(image).astype(np.float64)
    colour, alpha = values[..., :3], values[..., 3:] / 255
    if alpha.min() == 1:
        return np.asarray(image.convert("RGB")), []
    background, why = _background(colour, alpha)
    pixels = np.rint(colour * alpha + background * (1 - alpha)).astype(np.uint8)
    return pixels, [Step(name="background", detail=f"What is transparent becomes {why}.")]


def _background(
    colour: NDArray[np.float64], alpha: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    opaque = alpha[..., 0] > 0.5
    if opaque.mean() > 0.5:  # a picture with its own paper, and holes or round corners
        paper: NDArray[np.float64] = np.median(colour[opaque], axis=0)
        return paper, "the colour that most of the picture has"
    weight = alpha.sum()
    brightness = float((colour.mean(axis=2, keepdims=True) * alpha).sum() / weight) if weight else 0
    if brightness > 127:
        return np.zeros(3), "black, since the ink is light"
    return np.full(3, 255.0), "white, since the ink is dark"
