"""The figures of experiments, and of looks inside the network. Nothing is computed here."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from catsdogs import plots
from catsdogs.text import number


def activation_maps(maps: np.ndarray, title: str) -> Figure:
    """Some channels of one photo's activations, (height, width, channels), side by side."""
    count = maps.shape[-1]
    figure, axes = plots.new_figure(1.5 * count, 2.0, columns=count, squeeze=False)
    for channel, cell in enumerate(axes.flat):
        cell.imshow(maps[..., channel], cmap="viridis")
        cell.axis("off")
    figure.suptitle(title)
    return figure


def map_rows(rows: dict[str, np.ndarray]) -> Figure:
    """Activations of one photo from several layers, a row each: name → (height, width, channels), each map on its
    own scale."""
    columns = max(maps.shape[-1] for maps in rows.values())
    figure, axes = plots.new_figure(2.2 + 1.1 * columns, 1.2 * len(rows), columns=columns, rows=len(rows),
                                    squeeze=False)
    for line, (name, maps) in zip(axes, rows.items(), strict=True):
        for cell in line:
            cell.set(xticks=[], yticks=[], frame_on=False)
        for cell, channel in zip(line, np.moveaxis(maps, -1, 0), strict=False):
            cell.imshow(channel, cmap="viridis")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=10)
    return figure


def color_filters(kernels: dict[str, np.ndarray], columns: int = 8) -> Figure:
    """First-layer kernels as small pictures, a panel per network: name → (height, width, 3, filters).

    Grey stands for 0, and each filter's largest weight in size for black or full colour.
    """
    figure, axes = plots.new_figure(4.4 * len(kernels), 1.7, columns=len(kernels), squeeze=False)
    figure.get_layout_engine().set(wspace=0.1)
    for cell, (name, kernel) in zip(axes.flat, kernels.items(), strict=True):
        height, width, _, count = kernel.shape
        pictures = 0.5 + 0.5 * kernel / np.abs(kernel).max(axis=(0, 1, 2))
        wall = np.ones((-(-count // columns) * (height + 1), columns * (width + 1), 3))
        for index in range(count):
            top, left = index // columns * (height + 1), index % columns * (width + 1)
            wall[top:top + height, left:left + width] = pictures[..., index]
        cell.imshow(wall[:-1, :-1])
        cell.axis("off")
        cell.set_title(name)
    return figure


def heat_maps(pixels: Sequence[np.ndarray], maps: Sequence[np.ndarray], titles: Sequence[str],
              of: Sequence[str]) -> Figure:
    """Photos (height, width, 3), 0 to 255, and beside each the same in grey under its heat map (s, s), 0 or more.

    Each map's colours go from 0 to its own largest value. It is stretched to the photo's size, as the network
    squeezes every photo into a square.

    Args:
        titles: what stands above each photo.
        of: what stands above each map.
    """
    figure, axes = plots.new_figure(6.4, 2.6 * len(maps), columns=2, rows=len(maps), squeeze=False)
    for (left, right), photo, heat, title, name in zip(axes, pixels, maps, titles, of, strict=True):
        photo = np.clip(photo, 0, 255).astype(np.uint8)
        height, width = photo.shape[:2]
        left.imshow(photo)
        right.imshow(photo.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        right.imshow(heat, cmap="inferno", vmin=0, vmax=heat.max() or 1, alpha=0.55, interpolation="bilinear",
                     extent=(-0.5, width - 0.5, height - 0.5, -0.5))  # a map of zeros stays dark
        for cell, text in ((left, title), (right, name)):
            cell.axis("off")
            cell.set_title(text, fontsize=10)
    return figure


def repeated_runs(pairs: Sequence[tuple[float, float]], reference: Sequence[float] | None = None,
                  names: Sequence[str] = ("fase 1", "fase 2"), measure: str = "Acurácia no teste") -> Figure:
    """A measure of two models, a line per split, with the challenge's single run in front when given."""
    figure, axes = plots.new_figure(6.4, 3.8)
    for number_of_line, pair in enumerate(pairs):
        axes.plot([0, 1], pair, "o-", color="0.65", linewidth=1, label=None if number_of_line else "uma divisão")
    means = np.mean(pairs, axis=0)
    axes.plot([0, 1], means, "s-", color=plots.CLASS_COLORS[1], linewidth=2.5, markersize=9, label="média das divisões")
    if reference:
        axes.plot([0, 1], reference, "D--", color=plots.CLASS_COLORS[0], linewidth=2, markersize=8,
                  label="desafio (uma divisão)")
    axes.set_xticks([0, 1], names)
    axes.set_xlim(-0.3, 1.3)
    axes.set_ylabel(measure)
    plots.decimal_comma(axes.yaxis, 4)
    axes.grid(alpha=0.3)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    return figure


def reliability_diagram(tables: dict[str, list[tuple[float, float, int]]]) -> Figure:
    """Accuracy against confidence, the marks growing with their number of photos.

    ``tables`` maps a name to rows of ``calibration.reliability``.
    """
    figure, axes = plots.new_figure(5.4, 4.4)
    axes.plot([0.5, 1], [0.5, 1], ":", color="0.4", label="calibração perfeita")
    for (name, rows), color, marker in zip(tables.items(), plots.CLASS_COLORS, "os", strict=False):
        confidence, accuracy, photos = np.array(rows).T
        # No lines: between bins of one or two photos they would only draw noise.
        axes.scatter(confidence, accuracy, s=25 * np.sqrt(photos), color=color, alpha=0.6, marker=marker, label=name)
    axes.set_xlabel("Certeza média da faixa")
    axes.set_ylabel("Fração de acertos")
    plots.decimal_comma(axes.xaxis, 1)
    plots.decimal_comma(axes.yaxis, 1)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right", markerscale=0.4)
    return figure


def estimates(series: dict[str, dict], axis: str, measure: str, digits: int = 3, log: bool = False) -> Figure:
    """A measure against a factor, with an interval at each point and a line per series.

    Args:
        series: name → {value of the factor: ``evaluation.Estimate``}.
        axis: what the factor is, under the figure.
        measure: what the estimates are of, beside it.
        log: the factor is a number, on a logarithmic axis; else its values are categories in order.
    """
    figure, axes = plots.new_figure(7.2, 3.8)
    places = {value: value if log else at for at, value in enumerate(_in_order(series))}
    for number_of, (name, points) in enumerate(series.items()):
        # Moved a little aside, so that intervals at the same place can be told apart.
        aside = number_of - (len(series) - 1) / 2
        x = [places[value] * 1.06 ** aside if log else places[value] + 0.1 * aside for value in points]
        means = np.array([point.mean for point in points.values()])
        reach = np.array([[point.mean - point.low, point.high - point.mean] for point in points.values()]).T
        axes.errorbar(x, means, reach, fmt=plots.SERIES_MARKS[number_of] + "-", color=plots.SERIES_COLORS[number_of],
                      capsize=4, label=name)
    if log:
        axes.set_xscale("log")
    axes.set_xticks(list(places.values()), [fill(factor_text(value), 16) for value in places])
    axes.minorticks_off()
    axes.set_xlabel(axis)
    axes.set_ylabel(measure)
    plots.decimal_comma(axes.yaxis, digits)
    axes.grid(alpha=0.3)
    if len(series) > 1:
        figure.legend(frameon=False, loc="outside upper center", ncols=min(len(series), 3))
    return figure


def _in_order(series: dict[str, dict]) -> list:
    """Every factor value of every series once, in the order of their first use, numbers by size."""
    values = list(dict.fromkeys(value for points in series.values() for value in points))
    return sorted(values) if all(isinstance(value, (int, float)) for value in values) else values


def factor_text(value) -> str:
    """A factor's value under the axis: numbers with a decimal comma, powers of ten as such."""
    if isinstance(value, float):
        return f"{value:g}".replace(".", ",") if value >= 0.001 or not value else f"{value:.0e}".replace("e-0", "e−")
    return f"{value:,}".replace(",", ".") if isinstance(value, int) else str(value)


def schedule(rates: Sequence[float], steps_per_epoch: int) -> Figure:
    """A learning rate at each step of the training."""
    figure, axes = plots.new_figure(6.4, 2.8)
    axes.plot(np.arange(len(rates)) / steps_per_epoch, rates, color=plots.SERIES_COLORS[0])
    axes.set_xlabel("Época")
    axes.set_ylabel("Taxa de aprendizado")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: factor_text(float(value)) if value else "0"))
    axes.grid(alpha=0.3)
    return figure


def speedups(ratios: dict[str, float], axis: str) -> Figure:
    """How many times better each thing is, as bars on a logarithmic axis, with a line where nothing changes."""
    figure, axes = plots.new_figure(7.2, 0.45 * len(ratios) + 1.2)
    places = np.arange(len(ratios))[::-1]
    bars = axes.barh(places, list(ratios.values()), color=plots.SERIES_COLORS[0])
    axes.bar_label(bars, [number(ratio, 1) for ratio in ratios.values()], padding=4)
    axes.axvline(1, color="0.4", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_yticks(places, list(ratios))
    axes.set_xlabel(axis)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: factor_text(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    return figure
