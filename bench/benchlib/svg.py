"""A small SVG writer: horizontal bars, stacked parts, readable on light and dark pages. Pure
text."""
from __future__ import annotations

import math
from html import escape

from .result import Bar, Chart
from .stats import number

WIDTH = 760
LABEL = 200
VALUE = 150
ROW = 26
BAR = 16
TITLE = 30
GAP = 22
MARGIN = 16

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 14px; }
  .dim { fill: #59636e; font-size: 12px; }
  .own0 { fill: #0b62d6; } .own1 { fill: #6aa8f7; }
  .peer0 { fill: #7d8590; } .peer1 { fill: #c3c9d0; }
  .floor0 { fill: #2b8a5a; } .floor1 { fill: #93d0b0; }
  .axis { stroke: #d0d7de; stroke-width: 1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .dim { fill: #9198a1; }
    .own0 { fill: #4c9bff; } .own1 { fill: #245a9e; }
    .peer0 { fill: #8b949e; } .peer1 { fill: #4a515a; }
    .floor0 { fill: #57c08c; } .floor1 { fill: #2a5f46; }
    .axis { stroke: #3d444d; }
  }
"""


def _bar(bar: Bar, y: float, scale: float, digits: int) -> list[str]:
    middle = y + ROW / 2
    base = middle + 4.5
    lines = [f'<text x="{LABEL - 10}" y="{base:.1f}" text-anchor="end">{escape(bar.label)}</text>']
    if math.isnan(bar.value):
        lines.append(
            f'<text class="dim" x="{LABEL + 8}" y="{base:.1f}">{escape(bar.text or "-")}</text>'
        )
        return lines
    x = float(LABEL)
    for index, (name, value) in enumerate(bar.parts or [("", bar.value)]):
        width = max(0.0, value * scale)
        title = f"<title>{escape(bar.label)}: {escape(name)} {number(value, digits)}</title>"
        lines.append(
            f'<rect class="{bar.kind}{min(index, 1)}" x="{x:.1f}" y="{middle - BAR / 2:.1f}" '
            f'width="{width:.1f}" height="{BAR}" rx="2">{title}</rect>'
        )
        x += width
    text = bar.text or number(bar.value, digits)
    lines.append(f'<text x="{x + 8:.1f}" y="{base:.1f}">{escape(text)}</text>')
    return lines


def _panel(chart: Chart, top: float) -> tuple[list[str], float]:
    values = [bar.value for bar in chart.bars if not math.isnan(bar.value)]
    largest = max(values, default=0.0)
    scale = (WIDTH - LABEL - VALUE - MARGIN) / largest if largest > 0 else 0.0
    lines = [
        f'<text class="title" x="{MARGIN}" y="{top + 16:.1f}">{escape(chart.title)}</text>',
        f'<text class="dim" x="{WIDTH - MARGIN}" y="{top + 16:.1f}" text-anchor="end">'
        f"{escape(chart.unit)}</text>",
    ]
    y = top + TITLE
    for bar in chart.bars:
        lines += _bar(bar, y, scale, chart.digits)
        y += ROW
    lines.append(
        f'<line class="axis" x1="{LABEL}" x2="{LABEL}" y1="{top + TITLE:.1f}" y2="{y:.1f}"/>'
    )
    return lines, y


def render(charts: list[Chart], description: str) -> str:
    """One picture with all charts below one another."""
    body: list[str] = []
    y = float(MARGIN)
    for index, chart in enumerate(charts):
        lines, y = _panel(chart, y + (GAP if index else 0))
        body += lines
    height = math.ceil(y + MARGIN)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" '
            f'role="img" aria-label="{escape(description, quote=True)}">',
            f"<style>{STYLE}</style>",
            *body,
            "</svg>",
            "",
        ]
    )
