"""The figures of single chapters, each shown with its text."""

from collections.abc import Callable, Sequence
from textwrap import fill

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator

from catsdogs import plots
from catsdogs.data import Photos
from catsdogs.photo import read_photo
from catsdogs.study import figures
from catsdogs.study.results import load_results
from catsdogs.text import number, percent


def pixels_as_numbers(photo: np.ndarray, top: int, left: int, size: int) -> None:
    """A photo, uint8 (height, width, 3), and a square of it enlarged, the red channel's numbers written in it."""
    figure, (whole, part) = plots.new_figure(9, 3.8, columns=2, width_ratios=[1.35, 1])
    square = photo[top:top + size, left:left + size]
    whole.imshow(photo)
    whole.add_patch(Rectangle((left, top), size, size, fill=False, edgecolor=plots.CLASS_COLORS[0], linewidth=2))
    part.imshow(square)
    for (row, column), value in np.ndenumerate(square[..., 0]):
        color = "black" if square[row, column].mean() > 110 else "white"
        part.text(column, row, value, ha="center", va="center", fontsize=9, color=color)
    for axes in (whole, part):
        axes.axis("off")
    plots.show(figure, "A foto, com um quadradinho marcado; ao lado, ele ampliado, cada pixel com o seu número.")


def one_convolution(window: np.ndarray, kernel: np.ndarray) -> None:
    """The numbers under a filter, (height, width), 0 to 255, the filter's own, their products, and the sum of those."""
    figure, tables = plots.new_figure(7.6, 2.5, columns=3)
    products = window * kernel
    for axes, title, values in zip(tables, ("pedaço da foto", "× filtro", "= produtos"), (window, kernel, products),
                                   strict=True):
        limit = 2 * np.abs(values).max() or 1
        scale = {"cmap": "gray", "vmin": 0, "vmax": 255} if values is window else {
            "cmap": "PiYG", "vmin": -limit, "vmax": limit}
        axes.imshow(values, **scale)
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, number(value, 0), ha="center", va="center", fontsize=11,
                      color="white" if values is window and value < 110 else "black")
        axes.set(title=title, xticks=[], yticks=[])
    figure.supxlabel(f"soma dos produtos: {number(products.sum(), 0)}")
    plots.show(figure, "Três tabelas: os números do pedaço, os do filtro e os produtos. A soma dos produtos é "
                       f"{number(products.sum(), 0)}.")


def leak(validation: set[int], test: set[int]) -> None:
    """The items that the two parts hold, one square each, from 0 to the largest, twenty a row."""
    kinds = {"só na validação": (validation - test, "#0072B2"), "só no teste": (test - validation, "0.73"),
             "nos dois": (validation & test, "#D55E00")}
    figure, axes = plots.new_figure(8, 2.9)
    for name, (items, color) in kinds.items():
        for index, item in enumerate(sorted(items)):
            row, column = divmod(item, 20)
            axes.add_patch(Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, color=color,
                                     label=None if index else f"{name}: {len(items)}"))
    axes.set(xlim=(0, 20), ylim=(max(validation | test) // 20 + 1, 0), aspect="equal")
    axes.axis("off")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, frameon=False)
    plots.show(figure, "Um quadradinho por item. " + "; ".join(f"{name}: {len(items)}"
                                                               for name, (items, _) in kinds.items()) + ".")


def photo_and_maps(photo: np.ndarray, maps: dict[str, np.ndarray]) -> None:
    """A photo and, beside it, maps made from it: name → (height, width), 0 or more, each on its own scale."""
    figure, axes = plots.new_figure(3.6 * (1 + len(maps)), 2.8, columns=1 + len(maps))
    axes[0].imshow(photo)
    axes[0].set_title("foto")
    for cell, (name, values) in zip(axes[1:], maps.items(), strict=True):
        cell.imshow(values, cmap="gray", vmax=np.percentile(values, 99.5))
        cell.set_title(name)
    for cell in axes:
        cell.axis("off")
    plots.show(figure, f"A foto e, ao lado, o que foi feito dela: {', '.join(maps)}.")


def cross_entropy(marked: Sequence[float] = (0.12, 0.5, 0.88)) -> None:
    """The loss of one answer by the probability given to the right class, some points marked."""
    figure, axes = plots.new_figure(6.4, 3.4)
    given = np.linspace(0.01, 1, 200)
    axes.plot(given, -np.log(given), color=plots.SERIES_COLORS[0])
    for probability in marked:
        loss = -np.log(probability)
        axes.plot(probability, loss, "o", color=plots.SERIES_COLORS[1])
        axes.annotate(number(loss, 3), (probability, loss), (6, 4), textcoords="offset points")
    axes.set(xlabel="Probabilidade dada à resposta certa", ylabel="Perda", ylim=(0, None))
    plots.decimal_comma(axes.xaxis, 1)
    plots.show(figure, "A perda conforme a probabilidade dada à resposta certa: enorme quando ela é quase zero, 0,693 "
                       "em 50%, zero quando ela é 1.")


def descents(loss: Callable[[float], float], paths: dict[float, Sequence[float]]) -> None:
    """A loss of one weight, and on it the weights after each step: learning rate → weights, the first one included."""
    figure, panels = plots.new_figure(3.1 * len(paths), 3, columns=len(paths), sharey=True)
    for axes, (rate, path) in zip(panels, paths.items(), strict=True):
        low, high = min(*path, -2.0), max(*path, 3.0)
        weights = np.linspace(low, high, 200)
        axes.plot(weights, [loss(weight) for weight in weights], color="0.6")
        axes.plot(path, [loss(weight) for weight in path], "o-", color=plots.SERIES_COLORS[1], markersize=4)
        axes.plot(path[0], loss(path[0]), "s", color=plots.SERIES_COLORS[0])
        axes.set(title=f"taxa {number(rate, 1)}", xlabel="Peso")
        plots.decimal_comma(axes.yaxis, 1)
    panels[0].set_ylabel("Perda")
    ends = "; ".join(f"com a taxa {number(rate, 1)}, de {number(path[0], 1)} a {number(path[-1], 1)}"
                     for rate, path in paths.items())
    plots.show(figure, f"A curva da perda conforme o peso, com os pesos depois de cada passo: {ends}.")


def losses_by_step(losses: Sequence[float]) -> None:
    """The loss of each batch of an epoch, and the mean of the ten before it."""
    figure, axes = plots.new_figure(6.4, 3)
    steps = np.arange(1, len(losses) + 1)
    smooth = [np.mean(losses[max(0, step - 10):step]) for step in steps]
    axes.plot(steps, losses, "o", markersize=3, color="0.6", label="cada lote")
    axes.plot(steps, smooth, color=plots.TRAIN_COLOR, label="média de dez lotes")
    axes.set(xlabel="Passo", ylabel="Perda", ylim=(0, None))
    axes.legend()
    plots.decimal_comma(axes.yaxis, 1)
    plots.show(figure, "A perda de cada lote ao longo de uma época sobe e desce de um passo para o outro; a média vai "
                       f"de {number(smooth[0], 2)} a {number(smooth[-1], 2)}.")


def range_test(rates: Sequence[float], losses: Sequence[float], chosen: float, top: float | None = None) -> None:
    """The loss of each step of a range test by its learning rate, the chosen rate marked.

    Args:
        top: the highest loss that is shown; by default thrice what the test begins with, since what has broken may
            lose thousands.
    """
    figure, axes = plots.new_figure(6.4, 3.2)
    axes.plot(rates, losses, "o-", markersize=3, color=plots.SERIES_COLORS[0])
    axes.axvline(chosen, color=plots.SERIES_COLORS[1], linestyle="--", label="a taxa do desafio")
    axes.set(xscale="log", xlabel="Taxa de aprendizado", ylabel="Perda", ylim=(0, top or 3 * np.mean(losses[:10])))
    axes.xaxis.set_major_locator(LogLocator())
    axes.legend()
    plots.decimal_comma(axes.yaxis, 1)
    plots.show(figure, "A perda conforme a taxa de aprendizado, em escala logarítmica. A menor ocorre perto da taxa "
                       f"{rates[int(np.argmin(losses))]:.0e}; com as maiores taxas ela dispara.")


def recorded_range_test(part: str, chosen: float, top: float | None = None) -> None:
    """The recorded range test of a part, ``"head"`` or ``"tail"``: the mean of its splits."""
    rows = [row for row in load_results("rate_range") if row["part"] == part]
    steps = min(len(row["losses"]) for row in rows)
    range_test(rows[0]["rates"][:steps], np.mean([row["losses"][:steps] for row in rows], axis=0), chosen, top)


def curves_side_by_side(histories: dict[str, dict[str, Sequence[float]]], what: str = "taxa") -> None:
    """Losses of training and validation by epoch, a panel per run: value of ``what`` → the history of ``fit``."""
    figure, panels = plots.new_figure(3.1 * len(histories), 3, columns=len(histories), sharey=True, squeeze=False)
    for axes, (name, history) in zip(panels[0], histories.items(), strict=True):
        epochs = np.arange(1, len(history["loss"]) + 1)
        axes.plot(epochs, history["loss"], "o-", markersize=3, color=plots.TRAIN_COLOR, label="treino")
        axes.plot(epochs, history["val_loss"], "s-", markersize=3, color=plots.VALIDATION_COLOR, label="validação")
        axes.set(title=f"{what} {name}", xlabel="Época", ylim=(0, 1))
    panels[0, 0].set_ylabel("Perda")
    panels[0, 0].legend()
    plots.decimal_comma(panels[0, 0].yaxis, 1)
    ends = "; ".join(f"{what} {name}, {number(history['val_loss'][-1], 3)}" for name, history in histories.items())
    plots.show(figure, f"Perda de treino e de validação por época. No fim, na validação: {ends}.")


def where_it_looked(photos: Sequence[np.ndarray], maps: Sequence[np.ndarray], titles: Sequence[str],
                    classes: Sequence[str]) -> None:
    """Photos (height, width, 3), and beside each its heat map (s, s), 0 or more, in favour of a class."""
    figure = figures.heat_maps(photos, maps, [fill(title, 28) for title in titles],
                               [f"a favor de {name}" for name in classes])
    peaks = "; ".join(f"{title}, a favor de {name}, {_place_of_peak(heat)}"
                      for title, name, heat in zip(titles, classes, maps, strict=True))
    plots.show(figure, f"Cada foto e, ao lado, o seu mapa de calor. Onde ele é mais quente: {peaks}.")


def _place_of_peak(heat: np.ndarray) -> str:
    """In which third of the height and of the width the largest value of a map (s, s) lies."""
    row, column = np.unravel_index(np.argmax(heat), heat.shape)
    return (f"{('no alto', 'no meio', 'embaixo')[3 * row // heat.shape[0]]}, "
            f"{('à esquerda', 'no centro', 'à direita')[3 * column // heat.shape[1]]}")


def known_and_strange(scores: dict[str, dict[str, np.ndarray]], cuts: dict[str, float]) -> None:
    """How the scores of groups of images spread, a panel per score, with the cut under which an image is refused.

    Args:
        scores: score → group, such as "fotos de teste" → values (n,).
        cuts: score → the value of its cut.
    """
    figure, panels = plots.new_figure(4.4 * len(scores), 3.2, columns=len(scores), squeeze=False)
    shares = []
    for axes, (name, groups) in zip(panels[0], scores.items(), strict=True):
        bins = np.linspace(*np.quantile(np.concatenate(list(groups.values())), [0, 1]), 26)
        for (group, values), color in zip(groups.items(), plots.SERIES_COLORS, strict=False):
            axes.hist(values, bins, weights=np.full(len(values), 1 / len(values)), color=color, alpha=0.65, label=group)
            shares.append(f"{name}, {percent((values < cuts[name]).mean(), 0)} de {group}")
        axes.axvline(cuts[name], color="0.2", linestyle="--", label="corte")
        axes.set(title=name, xlabel="Nota", ylabel="Fração do grupo")
        plots.decimal_comma(axes.yaxis, 2)
        plots.decimal_comma(axes.xaxis, 1)
    panels[0, 0].legend()
    plots.show(figure, f"Histogramas das notas de cada grupo, com o corte. Abaixo dele ficam: {'; '.join(shares)}.")


def cloud_and_points(cloud: np.ndarray, points: dict[str, Sequence[float]]) -> None:
    """A cloud of points, (n, 2), its centre, and named points with their straight distance from it."""
    figure, axes = plots.new_figure(4.6, 4)
    center = cloud.mean(axis=0)
    axes.plot(*cloud.T, "o", markersize=3, color="0.7")
    axes.plot(*center, "+", markersize=14, markeredgewidth=2, color="black")
    for (name, point), color in zip(points.items(), plots.SERIES_COLORS, strict=False):
        axes.plot(*zip(center, point, strict=True), "--", linewidth=1, color=color)
        axes.plot(*point, "s", markersize=8, color=color)
        axes.annotate(name, point, xytext=(8, -4), textcoords="offset points", fontsize=12, weight="bold")
    axes.set(aspect="equal", xlabel="uma característica", ylabel="outra característica")
    plots.show(figure, "Uma nuvem de pontos em torno de um centro, marcado com uma cruz, e os pontos "
                       f"{' e '.join(points)}, cada um ligado ao centro por uma linha.")


def photos_at_hand(photos: Photos, chosen: Sequence[int], titles: Sequence[str] = (), maps: Sequence[np.ndarray] = (),
                   classes: Sequence[str] = ()) -> None:
    """Some photos, two in a row; a line instead when they are not here, or none is chosen.

    Args:
        chosen: indices into ``photos``.
        titles: one for each, instead of its file's name.
        maps: heat maps (s, s), each in favour of one of ``classes``; with them, as ``where_it_looked``.
    """
    if not photos.has_files:
        print("Para ver estas fotos, é preciso baixá-las.")
    elif not len(chosen):
        print("Não há fotos a mostrar.")
    else:
        titles = titles or [photos.path(index).name for index in chosen]
        pixels = [read_photo(photos.path(index)) for index in chosen]
        if len(maps):
            where_it_looked(pixels, maps, titles, classes)
        else:
            figure = plots.photo_grid(pixels, [fill(title, 28) for title in titles], columns=2)
            plots.show(figure, f"Fotos lado a lado: {', '.join(titles)}.")


def diagnosis(histories: dict[str, dict[str, Sequence[float]]], top: float | None = None) -> None:
    """Loss and, beside it, accuracy, by epoch, a row per run: its name → the history of ``fit``.

    Dotted lines show what answers half and half: a loss of ln 2, an accuracy of a half.

    Args:
        top: the highest loss that is shown, by default the highest there is, up to 1.2; what is above it runs along it.
    """
    figure, rows = plots.new_figure(6.4, 2.1 * len(histories) + 0.4, columns=2, rows=len(histories), squeeze=False)
    losses = [history[key] for history in histories.values() for key in ("loss", "val_loss")]
    top = top or min(1.2, 1.1 * max(map(max, losses)))
    ends = []
    for (left, right), (name, history) in zip(rows, histories.items(), strict=True):
        epochs = np.arange(1, len(history["loss"]) + 1)
        for key, mark, color, label in (("", "o-", plots.TRAIN_COLOR, "treino"),
                                        ("val_", "s--", plots.VALIDATION_COLOR, "validação")):
            style = {"markersize": 3, "color": color, "label": label, "clip_on": False}
            left.plot(epochs, np.minimum(history[key + "loss"], top), mark, **style)
            right.plot(epochs, history[key + "accuracy"], mark, **style)
        left.set(title=f"{name}: perda", ylim=(0, top))
        right.set(title=f"{name}: acurácia", ylim=(0.4, 1))
        for axes, level in ((left, np.log(2)), (right, 0.5)):
            axes.axhline(level, color="0.6", linewidth=1, linestyle=":")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            plots.decimal_comma(axes.yaxis, 2)
        ends.append(f"{name}, perda {number(history['loss'][-1], 3)} no treino e {number(history['val_loss'][-1], 3)} "
                    f"na validação, acurácia {number(history['val_accuracy'][-1], 3)} na validação")
    for axes in rows[-1]:
        axes.set_xlabel("Época")
    rows[0, 0].legend()
    plots.show(figure, f"Perda e acurácia por época, no treino e na validação. No fim: {'; '.join(ends)}.")
