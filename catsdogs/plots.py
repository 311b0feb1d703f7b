"""Every chart and photo of the book and of ``catsdogs train``. Nothing is computed here."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from catsdogs.evaluation import Scores
from catsdogs.text import display_name, number, percent

# Okabe-Ito colours, told apart by colour-blind readers too.
CLASS_COLORS = ("#D55E00", "#0072B2")
SERIES_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#4D4D4D")
SERIES_MARKS = "os^Dv"
TRAIN_COLOR, VALIDATION_COLOR = "#009E73", "#CC79A7"
DPI = 144
JPEG_QUALITY = 92


def show(figure: Figure, alt: str) -> None:
    """Display a figure in a notebook, with a text for those who cannot see it.

    Charts travel as PNG, figures with pictures as JPEG, a fraction of the size. ``chart`` in the metadata tells a
    page with dark colours that it may turn the figure's: no picture is in it.
    """
    from IPython.display import Image, display

    chart = not any(axes.images for axes in figure.axes)
    kind, options = ("png", {}) if chart else ("jpeg", {"quality": JPEG_QUALITY})
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=DPI, bbox_inches="tight", pil_kwargs=options)
    width = int(figure.get_figwidth() * 96)
    # The text goes as metadata, because Colab's IPython, 7.34, does not know the argument ``alt``.
    display(Image(data=content.getvalue(), format=kind, width=width, metadata={"alt": alt, "chart": chart}))


def class_label(class_name: str) -> str:
    """A class's name in a figure, where a pair of dollars would begin a formula."""
    return display_name(class_name).replace("$", r"\$")


def new_figure(width: float, height: float, columns: int = 1, rows: int = 1, **options):
    """A figure of so many inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns, **options)


def decimal_comma(axis, digits: int) -> None:
    """Write an axis's numbers in Portuguese."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, digits)))


def training_curves(history: dict[str, list[float]], best_epoch: int, title: str) -> Figure:
    """Loss and accuracy of training and validation by epoch, the kept epoch marked."""
    figure, (left, right) = new_figure(9, 3.6, columns=2)
    epochs = np.arange(1, len(history["loss"]) + 1)
    for axes, key, label in ((left, "loss", "Perda"), (right, "accuracy", "Acurácia")):
        axes.plot(epochs, history[key], "o-", color=TRAIN_COLOR, label="treino")
        axes.plot(epochs, history["val_" + key], "s--", color=VALIDATION_COLOR, label="validação")
        axes.axvline(best_epoch + 1, color="0.6", linewidth=1, linestyle=":", label="época guardada")
        axes.set_xlabel("Época")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        decimal_comma(axes.yaxis, 3)
        axes.grid(alpha=0.3)
    left.legend(frameon=False)
    figure.suptitle(title)
    return figure


def confusion(scores: Scores, class_names: Sequence[str], title: str) -> Figure:
    """The confusion matrix, rows the truth and columns the answer, with counts and shares."""
    figure, axes = new_figure(4.4, 3.8)
    counts = np.array(scores.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(2):
        for column in range(2):
            axes.text(column, row, f"{counts[row, column]}\n{percent(shares[row, column])}", ha="center", va="center",
                      color="white" if shares[row, column] > 0.5 else "black", fontsize=13)
    names = [class_label(name) for name in class_names]
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names)
    axes.set_xlabel("Resposta do modelo")
    axes.set_ylabel("Classe verdadeira")
    axes.set_title(title)
    return figure


def split_counts(counts: dict[str, Sequence[int]], class_names: Sequence[str]) -> Figure:
    """Photos of each class in each part of the split; ``counts`` maps a part's name to two numbers."""
    figure, axes = new_figure(6.4, 3.2)
    positions = np.arange(len(counts))
    for label, name in enumerate(class_names):
        heights = [pair[label] for pair in counts.values()]
        bars = axes.bar(positions + (label - 0.5) * 0.4, heights, 0.4, color=CLASS_COLORS[label],
                        label=class_label(name))
        axes.bar_label(bars)
    axes.set_xticks(positions, list(counts))
    axes.set_ylabel("Fotos")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def photo_grid(pixels: Sequence[np.ndarray], titles: Sequence[str], columns: int = 4) -> Figure:
    """Photos, each (height, width, 3) with values 0 to 255, in a grid with a title above each."""
    rows = -(-len(pixels) // columns)
    figure, axes = new_figure(2.3 * columns, 2.5 * rows, columns=columns, rows=rows, squeeze=False)
    for cell in axes.flat:
        cell.axis("off")
    for cell, image, title in zip(axes.flat, pixels, titles, strict=False):
        cell.imshow(np.clip(image, 0, 255).astype(np.uint8))
        cell.set_title(title, fontsize=10)
    return figure


def probability_histogram(probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str],
                          title: str) -> Figure:
    """How the second class's probability (n,) spreads over the photos of each true class."""
    figure, axes = new_figure(6.4, 3.2)
    bins = np.linspace(0, 1, 21)
    for label, name in enumerate(class_names):
        axes.hist(probabilities[labels == label], bins, color=CLASS_COLORS[label], alpha=0.7,
                  label=f"fotos de {class_label(name)}")
    axes.axvline(0.5, color="0.3", linestyle=":")
    axes.set_yscale("symlog")
    axes.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axes.set_xlabel(f"Probabilidade de {class_label(class_names[1])}")
    axes.set_ylabel("Fotos (escala logarítmica)")
    decimal_comma(axes.xaxis, 1)
    axes.legend(frameon=False, loc="upper center")
    axes.set_title(title)
    return figure


def roc(curves: dict[str, tuple]) -> Figure:
    """ROC curves, zoomed into their best corner; ``curves`` maps a name to (false positive rates, recalls), each (k,).
    """
    figure, axes = new_figure(5.4, 3.8)
    for (name, (false_rates, recalls)), color in zip(curves.items(), SERIES_COLORS, strict=False):
        axes.step(false_rates, recalls, where="post", label=name, color=color)
    axes.set(xlabel="Falsos positivos (fração)", ylabel="Verdadeiros positivos (fração)",
             xlim=(-0.005, 0.205), ylim=(0.795, 1.005), title="ROC (canto superior esquerdo)")
    axes.grid(alpha=0.3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.05))
        decimal_comma(axis, 2)
    axes.legend(frameon=False, loc="lower right")
    return figure
