"""Pictures beside each other, each with its name above and a line below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_MAX_SIDE = 480  # pixels of one picture
_FONT_SIZE, _MARGIN, _LINE = 16, 16, 26
_INK, _FAINT, _PAPER = (40, 40, 46), (110, 110, 118), (255, 255, 255)


def side_by_side(
    pictures: Mapping[str, NDArray[np.uint8]],
    below: Sequence[str],
    longest: str = "",
    max_side: int = _MAX_SIDE,
) -> Image.Image:
    """Put pictures beside each other.

    Args:
        pictures: The pictures (height, width, 3) by name.
        below: What stands below each.
        longest: The longest text that will stand below in any frame of a film, so that all frames
            have one width.
        max_side: How many pixels a picture is wide and high at most; larger ones are scaled down.
    """
    font = ImageFont.truetype(
        str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), _FONT_SIZE
    )
    fitting = [_fit(Image.fromarray(picture), max_side) for picture in pictures.values()]
    widest = max(font.getlength(text) for text in (*pictures, longest))
    width = max(int(widest), *(picture.width for picture in fitting))
    height = max(picture.height for picture in fitting)
    canvas = Image.new(
        "RGB",
        (_MARGIN + (width + _MARGIN) * len(fitting), height + 2 * _LINE + 2 * _MARGIN),
        _PAPER,
    )
    draw = ImageDraw.Draw(canvas)
    for i, (name, picture) in enumerate(zip(pictures, fitting, strict=True)):
        left = _MARGIN + i * (width + _MARGIN)
        middle = left + width // 2
        draw.text((middle, _MARGIN), name, _INK, font, anchor="mt")
        canvas.paste(picture, (middle - picture.width // 2, _MARGIN + _LINE))
        under = _MARGIN + _LINE + height + _MARGIN // 2
        draw.text((middle, under), below[i], _FAINT, font, anchor="mt")
    return canvas


def _fit(picture: Image.Image, max_side: int) -> Image.Image:
    scale = min(1.0, max_side / max(picture.size))
    if scale == 1:
        return picture
    return picture.resize((round(picture.width * scale), round(picture.height * scale)))
