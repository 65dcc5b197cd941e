"""Heat maps as tables: read by eye, by screen reader and on paper, with a colour that says what the figure says."""

from __future__ import annotations

from dataclasses import dataclass

_LIGHT, _DARK = (0xF4, 0xF7, 0xFB), (0x1D, 0x4F, 0x86)


@dataclass(frozen=True)
class HeatCell:
    """A figure and its colours; an empty one has none."""

    text: str = ""
    small: str = ""
    colours: str = ""
    """As CSS, of the ground and of the letters on it."""


@dataclass(frozen=True)
class Heat:
    """A table with a heading for each row and a colour for each cell."""

    headers: tuple[str, ...]
    """Of the rows' headings, of what stands beside them, and of the cells."""
    rows: list[tuple[tuple[str, ...], list[HeatCell]]]
    title: str = ""
    """What the columns are."""


def heat_cell(text: str, part: float, small: str = "") -> HeatCell:
    """A cell that is the darker the greater its part, 0 to 1, with letters that stand out against it."""
    part = min(max(part, 0.0), 1.0)
    ground = tuple(round(a + (b - a) * part) for a, b in zip(_LIGHT, _DARK, strict=True))
    # Of black and white one always has the contrast of 4.5 that weak eyes need; WCAG 2.2, success criterion 1.4.3.
    letters = (
        "#000" if 21 * 0.05 / (_luminance(ground) + 0.05) < (_luminance(ground) + 0.05) / 0.05 else "#fff"
    )
    return HeatCell(text, small, f"background: #{bytes(ground).hex()}; color: {letters}")


def _luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2.2 defines it."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)
    ]
    return float(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
