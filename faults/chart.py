"""A line chart as SVG, by reportlab, which draws the product's own pages already."""

from collections.abc import Mapping, Sequence

from reportlab.graphics import renderSVG
from reportlab.graphics.charts.legends import LineLegend
from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Drawing, String
from reportlab.lib.colors import HexColor

WIDTH, HEIGHT, EDGE, LEGEND = 720, 360, 48, 130
# Distinguishable without seeing red and green apart (Okabe and Ito).
COLOURS = tuple(map(HexColor, ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")))


def drawn(title: str, lines: Mapping[str, Sequence[float]]) -> str:
    """The chart: by day, one line for each name that has values."""
    drawing = Drawing(WIDTH, HEIGHT)
    plot = LinePlot()
    plot.x, plot.y, plot.width, plot.height = EDGE, EDGE, WIDTH - 2 * EDGE - LEGEND, HEIGHT - 2 * EDGE
    named = {name: values for name, values in lines.items() if values}
    plot.data = [[(day, value) for day, value in enumerate(values, 1)] for values in named.values()]
    plot.yValueAxis.valueMin = 0
    plot.joinedLines = 1
    legend = LineLegend()
    legend.x, legend.y, legend.alignment = WIDTH - EDGE - LEGEND + 20, HEIGHT - EDGE, "right"
    legend.columnMaximum = len(named)  # a second column would stand outside
    legend.colorNamePairs = [(COLOURS[number % len(COLOURS)], name) for number, name in enumerate(named)]
    for number in range(len(named)):
        plot.lines[number].strokeColor = COLOURS[number % len(COLOURS)]
        plot.lines[number].strokeWidth = 1.5
    drawing.add(plot)
    drawing.add(legend)
    drawing.add(String(EDGE, HEIGHT - EDGE / 2, title, fontSize=12))
    text: str = renderSVG.drawToString(drawing)
    return text
