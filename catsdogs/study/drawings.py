"""Explanatory drawings: schemes, whereas ``plots.py`` shows measurements."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, Ellipse, FancyBboxPatch, Rectangle

from catsdogs.text import integer, number, percent

# Okabe-Ito colours.
LEARNED, TRAINED, OTHER, NEUTRAL = "#0072B2", "#D55E00", "#009E73", "#777777"
WIDTH, NARROW = 8.4, 5.4  # inches; a narrow drawing can be read on a phone


def _canvas(height: float, width: float = WIDTH):
    """A blank figure whose coordinates are inches from the lower left corner."""
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def _text(axes, x, y, text, **options):
    axes.text(x, y, text, **{"ha": "center", "va": "center", "fontsize": 11, "linespacing": 1.3} | options)


def _title(axes, x, y, text, **options):
    # On the baseline, so that titles side by side line up whatever their accents.
    _text(axes, x, y, text, va="baseline", fontsize=12, weight="bold", **options)


def _box(axes, x, y, width, height, text, color):
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.08", linewidth=1.5,
                                  facecolor=to_rgba(color, 0.18), edgecolor=color))
    _text(axes, x + width / 2, y + height / 2, text)


def _arrow(axes, start, end, color="0.3"):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.8,
                                              "mutation_scale": 13, "shrinkA": 0, "shrinkB": 0})


def _legend(axes, x, color, text):
    _box(axes, x, 0.15, 0.3, 0.2, "", color)
    _text(axes, x + 0.42, 0.25, text, ha="left")


def _cells(axes, x, y, width, height, columns, rows, edge, face):
    for column, row in product(range(columns), range(rows)):
        axes.add_patch(Rectangle((x + column * width, y + row * height), width, height,
                                 edgecolor=edge, facecolor=face, linewidth=0.8))


def transfer(trunk_layers: int, tail_layers: int) -> Figure:
    """Weights learned on ImageNet (Russakovsky et al., 2015) carried over, against a start from random ones.

    The backbone is drawn in two parts, of so many layers each: the first sees edges and textures, the
    last sees parts and objects (Zeiler & Fergus, 2014).
    """
    figure, axes = _canvas(4.9)
    new_head = "cabeça nova:\ngato ou\ncachorro"
    for y, title, data, photos, colors, texts in (
            (3.75, "Pré-treino", "ImageNet: mais\nde um milhão\nde fotos", 9, (LEARNED, LEARNED),
             (f"primeiras {trunk_layers} camadas:\nbordas, cores, texturas",
              f"últimas {tail_layers}:\npartes e objetos", "cabeça da\nImageNet:\nmil classes")),
            (2.1, "Transferência", "poucas fotos,\nduas classes", 2, (LEARNED, TRAINED),
             ("os mesmos pesos", "os mesmos\npesos", new_head)),
            (0.6, "Do zero", "as mesmas\npoucas fotos", 2, (TRAINED, TRAINED),
             ("pesos aleatórios", "pesos\naleatórios", new_head))):
        _title(axes, 0.1, y + 0.88, title, ha="left")
        _text(axes, 0.1, y + 0.78, data, ha="left", va="top")
        for step in range(photos, 0, -1):
            _cells(axes, 2.07 - 0.04 * step, y + 0.25 + 0.04 * step, 0.34, 0.34, 1, 1, "0.3", "white")
        _arrow(axes, (2.5, y + 0.5), (2.8, y + 0.5))
        _box(axes, 2.85, y, 2.25, 1, texts[0], colors[0])
        _box(axes, 5.15, y, 1.5, 1, texts[1], colors[0])
        _arrow(axes, (6.7, y + 0.5), (6.98, y + 0.5))
        _box(axes, 7.02, y, 1.3, 1, texts[2], colors[1])
    for x in (3.97, 5.9):
        _arrow(axes, (x, 3.7), (x, 3.15), LEARNED)
    _legend(axes, 2.0, LEARNED, "aprendido na ImageNet")
    _legend(axes, 4.6, TRAINED, "a aprender com as poucas fotos")
    return figure


def unfreezing(blocks: Mapping[str, int], trained: Sequence[int] = (0, 1, 2, 3)) -> Figure:
    """One row per setting: the blocks that stay frozen (with a padlock) and those trained with the head.

    Args:
        blocks: name → trainable parameters, from input to output; 6 blocks at most, 9 characters a line.
        trained: for each row, how many of the last blocks are trained, 0 to ``len(blocks)``.
    """
    figure, axes = _canvas(0.95 * len(trained) + 1.05)
    width = 5.7 / (len(blocks) + 1)
    for row, count in enumerate(reversed(trained)):
        y = 0.95 * row + 0.5
        _text(axes, 0.1, y + 0.36, {0: "só a cabeça", 1: "+ 1 bloco"}.get(count, f"+ {count} blocos"), ha="left")
        frozen = len(blocks) - count
        for index, name in enumerate([*blocks, "cabeça"]):
            x = 1.2 + index * width
            _box(axes, x, y, width - 0.08, 0.78, "", NEUTRAL if index < frozen else TRAINED)
            _text(axes, x + width / 2 - 0.04, y + 0.32, name, fontsize=10)
            if index < frozen:
                _lock(axes, x + width - 0.2, y + 0.64)
        _text(axes, 8.25, y + 0.36, integer(sum(list(blocks.values())[frozen:])), ha="right")
    _text(axes, 8.25, 0.95 * len(trained) + 0.7, "Parâmetros do\nbackbone em treino", ha="right", weight="bold")
    _legend(axes, 2.3, NEUTRAL, "congelado")
    _lock(axes, 2.45, 0.24)
    _legend(axes, 4.4, TRAINED, "em treino")
    return figure


def _lock(axes, x, y):
    axes.add_patch(Rectangle((x - 0.07, y - 0.06), 0.14, 0.1, color="0.35", gid="lock"))
    axes.add_patch(Arc((x, y + 0.04), 0.09, 0.1, theta1=0, theta2=180, color="0.35", linewidth=1.5))


def head(side: int, channels: int, units: int, rate: float) -> Figure:
    """A photo's way through the frozen base and the head, with the shape of what each part hands on.

    Args:
        side, channels: of the base's last map, (side, side, channels).
        units: of the first dense layer.
        rate: of the dropout, 0 ≤ rate < 1.
    """
    figure, axes = _canvas(4.7, NARROW)
    for x, y, width, text, color, given in (
            (1.3, 3.05, 1.75, "MobileNetV2\nsem o\nclassificador", NEUTRAL, f"{side} × {side} × {integer(channels)}"),
            (3.7, 3.05, 1.2, "GAP: a média\nde cada\ncanal", OTHER, integer(channels)),
            (1.05, 1.05, 1.2, f"Dense {units},\nReLU", TRAINED, str(units)),
            (2.65, 1.05, 1.1, f"Dropout\n{number(rate, 1)}", OTHER, str(units)),
            (4.15, 1.05, 1.15, "Dense 2,\nsoftmax", TRAINED, "gato, cachorro")):
        _arrow(axes, (x - 0.38, y + 0.45), (x - 0.04, y + 0.45))
        _box(axes, x, y, width, 0.9, text, color)
        _text(axes, x + width / 2, y - 0.2, given, fontsize=10)
    _lock(axes, 2.9, 3.82)
    _cells(axes, 0.3, 3.25, 0.5, 0.5, 1, 1, "0.3", "white")
    _text(axes, 0.55, 2.78, "224 × 224,\n3 cores", fontsize=10)
    _text(axes, 0.35, 1.5, integer(channels), fontsize=10)
    _title(axes, 2.7, 4.3, "a base, congelada, e o GAP")
    _title(axes, 2.7, 2.2, "a cabeça, que aprende")
    _legend(axes, 0.1, NEUTRAL, "congelado")
    _legend(axes, 1.85, TRAINED, "em treino")
    _legend(axes, 3.55, OTHER, "não tem pesos")
    return figure


def phases(trunk_layers: int, tail_layers: int, rates: Sequence[str]) -> Figure:
    """What each phase trains, and its learning rate: ``rates``, one text a phase."""
    figure, axes = _canvas(4.1, NARROW)
    for y, title, rate, tail, fate in ((2.45, "Fase 1", rates[0], NEUTRAL, "congelada"),
                                       (0.65, "Fase 2", rates[1], TRAINED, "em treino")):
        _title(axes, 0.1, y + 1.15, f"{title}, com taxa {rate}", ha="left")
        for x, width, text, color in ((0.1, 2.2, f"tronco: as primeiras\n{trunk_layers} camadas", NEUTRAL),
                                      (2.4, 1.85, f"cauda: as últimas\n{tail_layers}, {fate}", tail),
                                      (4.35, 0.95, "cabeça", TRAINED)):
            _box(axes, x, y, width, 0.95, text, color)
            if color == NEUTRAL:
                _lock(axes, x + width - 0.15, y + 0.82)
    _legend(axes, 0.8, NEUTRAL, "congelado")
    _lock(axes, 0.95, 0.24)
    _legend(axes, 3.1, TRAINED, "em treino")
    return figure


def ordering(cats: Sequence[float], dogs: Sequence[float]) -> Figure:
    """Photos of two classes in the order of their probability of dog, 0 to 1: what accuracy and AUC count.

    AUC is the share of pairs, one photo of each class, that stand in the right order (Hanley & McNeil, 1982).
    """
    figure, axes = _canvas(3.1, NARROW)
    for y, name, values, color in ((1.75, "gatos", cats, LEARNED), (1.15, "cachorros", dogs, TRAINED)):
        _text(axes, 0.1, y, name, ha="left")
        for value in values:
            wrong = (value > 0.5) == (values is cats)
            axes.add_patch(Circle((1.2 + 4 * value, y), 0.13, facecolor="white" if wrong else color, edgecolor=color,
                                  linewidth=2, gid="wrong" if wrong else "right"))
    axes.plot([3.2, 3.2], [0.85, 2.1], color="0.3", linestyle="--", linewidth=1.2)
    for x, text in ((2.05, "responde “gato”"), (4.4, "responde “cachorro”")):
        _text(axes, x, 2.3, text)
    _text(axes, 3.2, 2.3, "0,5", weight="bold")
    _arrow(axes, (1.2, 0.8), (5.2, 0.8))
    _text(axes, 3.2, 0.6, "probabilidade de cachorro", fontsize=10)
    pairs = [dog > cat for dog in dogs for cat in cats]
    _text(axes, 2.7, 0.2, f"pares na ordem certa: {sum(pairs)} de {len(pairs)}; AUC "
                          f"{number(sum(pairs) / len(pairs), 2)}", weight="bold")
    _title(axes, 2.7, 2.8, "Erros (círculos vazios) e ordem")
    return figure


def gap_and_flatten(side: int, channels: int) -> Figure:
    """A feature map, (side, side, channels), and what GAP (Lin et al., 2013) and Flatten make of it."""
    figure, axes = _canvas(3.8)
    for step in range(8, -1, -1):  # a few of the channels, the last ones at the back
        _cells(axes, 0.35 + 0.1 * step, 0.75 + 0.1 * step, 1.7, 1.7, 1, 1, LEARNED, "white")
    _cells(axes, 0.35, 0.75, 1.7 / side, 1.7 / side, side, side, LEARNED, to_rgba(LEARNED, 0.18))
    _title(axes, 1.6, 3.45, "mapa de ativações")
    _text(axes, 1.2, 0.45, f"{side} × {side} posições")
    _text(axes, 2.63, 1.0, f"{integer(channels)} canais", rotation=45)
    for y, color, name, rule, positions in (
            (2.2, OTHER, "GAP", "a média de cada canal\nsobre todas as posições", 1),
            (0.45, TRAINED, "Flatten", "todos os canais de\ntodas as posições", side**2)):
        _arrow(axes, (3.05, 2.05), (3.6, y + 0.65), color)
        _title(axes, 3.7, y + 1.08, name, ha="left")
        _text(axes, 3.7, y + 0.7, rule, ha="left")
        # To scale: for each position, Flatten keeps as many values as GAP in all.
        _cells(axes, 3.7, y, 4.4 / side**2, 0.3, positions, 1, color, to_rgba(color, 0.18))
        _text(axes, 7.2, y + 0.7, f"{integer(positions * channels)}\nentradas na cabeça", weight="bold")
    return figure


def dropout(rate: float) -> Figure:
    """A dense layer in training, with ``rate`` (0 ≤ rate < 1) of its units off, and in inference.

    Srivastava et al. (2014), scaled in training as in ``keras.layers.Dropout``.
    """
    figure, axes = _canvas(5)
    # Multiples of 7 modulo 10 visit all ten units, scattered.
    off = [7 * index % 10 for index in range(round(10 * rate))]
    training = (f"a cada passo, cada unidade tem {percent(rate, 0)} de\nchance de desligar; as que ficam\n"
                f"são multiplicadas por {number(1 / (1 - rate), 2)}")
    inference = "todas as unidades ligadas,\nsem sorteio e\nsem multiplicação"
    for left, title, note, hidden_off in ((0.45, "Treino", training, off), (4.65, "Inferência", inference, [])):
        _title(axes, left + 1.65, 4.7, title)
        _text(axes, left + 1.65, 0.42, note)
        inputs, hidden, outputs = ([(left + x, 2.9 + step * (index - (count - 1) / 2)) for index in range(count)]
                                   for x, count, step in ((0, 6, 0.45), (1.65, 10, 0.33), (3.3, 2, 0.7)))
        for x, name in ((0, "entradas"), (1.65, "camada densa"), (3.3, "saídas")):
            _text(axes, left + x, 1.05, name, fontsize=10)
        for index, unit in enumerate(hidden):
            if index in hidden_off:
                axes.add_patch(Circle(unit, 0.12, facecolor="white", edgecolor=NEUTRAL, linestyle="--", gid="off"))
                continue
            axes.add_patch(Circle(unit, 0.12, color=TRAINED))
            for other in inputs + outputs:
                axes.plot(*zip(other, unit, strict=True), color="0.72", linewidth=0.7, zorder=0)
        for unit in inputs + outputs:
            axes.add_patch(Circle(unit, 0.12, color=LEARNED if unit in inputs else TRAINED))
    return figure


def forgetting() -> Figure:
    """Two fine-tunings from the same weights: small steps keep the old task, large ones leave it."""
    figure, axes = _canvas(4.7)
    for x, color, label in ((2.8, LEARNED, "bom na tarefa antiga"), (5.6, OTHER, "bom na tarefa nova")):
        for scale in (1, 0.5):
            axes.add_patch(Ellipse((x, 2.7), 4.1 * scale, 3 * scale, facecolor=to_rgba(color, 0.15), edgecolor=color))
        _title(axes, x, 4.35, label)
    _text(axes, 4.2, 3.25, "bom\nnas duas", weight="bold")
    start = (2.6, 2.45)
    axes.plot(*start, "o", color="black", markersize=10)
    _text(axes, 2.55, 2.93, "pesos\npré-treinados")
    for y, color, label, steps in (
            (0.7, "black", "taxa de aprendizado baixa: não se afasta do que já sabia",
             [(2.9, 2.55), (3.2, 2.59), (3.5, 2.66), (3.8, 2.68), (4.1, 2.74)]),
            (0.35, TRAINED, "taxa de aprendizado alta: vai longe e esquece a tarefa antiga",
             [(3.35, 1.6), (4.75, 2.2), (5.2, 1.75), (6.1, 2.75)])):
        for point, following in pairwise([start, *steps]):
            _arrow(axes, point, following, color)
        _arrow(axes, (2.6, y), (3.0, y), color)
        _text(axes, 3.15, y, label, ha="left")
    for end, label, x, y, angle in (((1.2, 0.3), "um peso", 1.6, 0.3, 0), ((0.3, 1.2), "outro peso", 0.3, 1.75, 90)):
        _arrow(axes, (0.3, 0.3), end)
        _text(axes, x, y, label, rotation=angle)
    return figure


def batch_norm() -> Figure:
    """Whose statistics BatchNorm (Ioffe & Szegedy, 2015) uses and changes in training, inference and fine-tuning."""
    figure, axes = _canvas(4.9)
    for x, title, fate, note in (
            (0.15, "Treino", "atualizadas", "normaliza com as\nestatísticas do lote e\natualiza as médias móveis"),
            (2.95, "Inferência", "usadas", "normaliza com as\nmédias móveis e\nnão muda nada"),
            (5.75, "Fine-tuning sem cuidado", "vazamento",
             "lotes novos reescrevem\nas médias da ImageNet;\ntrainable=False impede")):
        color, averages = (TRAINED, "médias da\nImageNet") if fate == "vazamento" else (LEARNED, "médias\nmóveis")
        _title(axes, x + 1.25, 4.6, title)
        _box(axes, x, 3.7, 1.1, 0.6, "lote", NEUTRAL)
        _box(axes, x + 1.45, 2.35, 1.05, 0.75, averages, color)
        _text(axes, x + 1.97, 3.28, fate, weight="bold")
        _box(axes, x, 1.15, 1.1, 0.6, "normaliza", OTHER)
        _text(axes, x + 1.25, 0.5, note)
        if title == "Inferência":
            _arrow(axes, (x + 0.55, 3.65), (x + 0.55, 1.8))
            _arrow(axes, (x + 1.97, 2.3), (x + 1.15, 1.45), color)
        else:
            _box(axes, x, 2.35, 1.1, 0.75, "média e\nvariância", NEUTRAL)
            _arrow(axes, (x + 0.55, 3.65), (x + 0.55, 3.15))
            _arrow(axes, (x + 0.55, 2.3), (x + 0.55, 1.8))
            _arrow(axes, (x + 1.13, 2.72), (x + 1.42, 2.72), color)
    return figure
