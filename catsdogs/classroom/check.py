"""What to put right in a set of photos before training on it: the audit's findings, each with what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from catsdogs.data import IDENTICAL_COPY, OF_OTHER_CLASS, Photos, Split
from catsdogs.evaluation import accuracy_interval
from catsdogs.features import pooled_features
from catsdogs.photo import NEARLY_BLACK
from catsdogs.pipeline import Materials
from catsdogs.study.audit import (
    STATISTICS,
    compare_classes,
    crossing,
    near_copies,
    out_of_fold_probabilities,
    scan,
    suspicious_labels,
)
from catsdogs.text import display_name, integer, percent

MIN_ADVISED_PER_CLASS = 20
# A test without errors then shows at least this accuracy, with 95% confidence.
WORTHWHILE_ACCURACY = 0.9
LARGEST_BALANCED_SHARE = 0.6
# A statistic that orders three pairs of photos in four is a shortcut worth a look; the p-value guards small sets.
SHORTCUT_SUPERIORITY = 0.75
SHORTCUT_P_VALUE = 0.01
# With more photos than that in pairs, it is the subject that is alike.
LARGEST_TELLING_SHARE = 1 / 3


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        status: ``ok``, ``aviso`` (worth a look before training) or ``erro`` (training would learn something wrong).
        text: Portuguese sentences: what was found and what to do.
        files: the photos it is about, paths inside the data folder, the most important first.
    """

    name: str
    status: str
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What the checks look at.

    Attributes:
        photos: the usable photos and those left out.
        split: how training would divide them.
        image_size: side of the network's input, in pixels.
        hashes: bool (n, 256), ``audit.difference_hash`` of each photo.
        statistics: float64 (n, 5), the ``audit.STATISTICS`` of each photo.
        features: float32 (n, channels), the frozen base's output averaged over positions.
    """

    photos: Photos
    split: Split
    image_size: int
    hashes: np.ndarray
    statistics: np.ndarray
    features: np.ndarray

    @property
    def class_names(self) -> list[str]:
        """The two classes as the reader sees them."""
        return [display_name(name) for name in self.photos.class_names]

    @property
    def counts(self) -> np.ndarray:
        """Photos of each class, int64 (2,)."""
        return np.bincount(self.photos.labels, minlength=2)

    def names(self, indices) -> tuple[str, ...]:
        """The files of these photos."""
        return tuple(self.photos.names[i] for i in indices)


def survey(materials: Materials) -> Survey:
    """Read every photo once and gather what the checks need.

    Raises:
        CatsdogsError: there are only activations at hand.
    """
    hashes, statistics = scan(materials.photos)
    features = pooled_features(materials.backbone.tail, materials.maps)
    return Survey(materials.photos, materials.split, materials.config.image_size, hashes, statistics, features)


def check_photos(found: Survey) -> list[Finding]:
    """Every check's findings, in the order in which one puts things right; one ``ok`` where there is nothing to say."""
    return [finding for name, look in CHECKS.items() for finding in list(look(found)) or [Finding(name, "ok", "")]]


def _amount(found: Survey) -> Iterator[Finding]:
    test = len(found.split.test)
    sure = accuracy_interval(0, test)[0]
    least = found.counts.min()
    if least < MIN_ADVISED_PER_CLASS:
        name = found.class_names[found.counts.argmin()]
        yield Finding("Quantidade", "aviso", f"A classe {name} tem só {least} fotos. Junte pelo menos "
                      f"{MIN_ADVISED_PER_CLASS} de cada classe.")
    if sure < WORTHWHILE_ACCURACY:
        yield Finding("Quantidade", "aviso", f"O teste terá {test} fotos: mesmo sem nenhum erro nelas, a acurácia em "
                      f"fotos novas pode ser de apenas {percent(sure, 0)} (intervalo de 95%). Junte mais fotos ou "
                      "apresente o resultado com essa margem.")


def _balance(found: Survey) -> Iterator[Finding]:
    share = found.counts.max() / found.counts.sum()
    if share > LARGEST_BALANCED_SHARE:
        many, few = (found.class_names[i] for i in (found.counts.argmax(), found.counts.argmin()))
        yield Finding("Equilíbrio", "aviso", f"Quem responder sempre {many} acerta {percent(share, 0)}. Junte fotos "
                      f"de {few}; se não puder, compare a acurácia com esse número e olhe a AUC e o recall de cada "
                      "classe.")


def _broken(found: Survey) -> Iterator[Finding]:
    broken = [(name, reason) for name, reason in found.photos.skipped if not reason.startswith(IDENTICAL_COPY)]
    if broken:
        yield Finding("Arquivos", "aviso", f"{_files(len(broken))} não abre(m) e fica(m) de fora. Salve de novo a "
                      f"partir do original ou apague. Por exemplo: {broken[0][1]}", tuple(name for name, _ in broken))


def _identical(found: Survey) -> Iterator[Finding]:
    copies = [(name, reason) for name, reason in found.photos.skipped if reason.startswith(IDENTICAL_COPY)]
    mixed = tuple(name for name, reason in copies if OF_OTHER_CLASS in reason)
    if mixed:
        yield Finding("Cópias idênticas", "erro", f"{_files(len(mixed))} repete(m) uma foto da outra classe: a mesma "
                      "foto ensinaria as duas respostas. Decida a classe e apague a outra cópia.", mixed)
    if same := tuple(name for name, reason in copies if OF_OTHER_CLASS not in reason):
        yield Finding("Cópias idênticas", "aviso", f"{_files(len(same))} repete(m) outra foto da mesma classe e "
                      "fica(m) de fora. Não é preciso fazer nada; apagar deixa a pasta mais clara.", same)


def _near_copies(found: Survey) -> Iterator[Finding]:
    pairs = [[pair.first, pair.second] for pair in near_copies(found.hashes, found.features)]
    if not pairs:
        return
    alike = len(np.unique(pairs))
    if alike > LARGEST_TELLING_SHARE * len(found.photos):
        yield Finding("Fotos quase iguais", "aviso", f"{_files(alike)} se parece(m) muito com outra, o que é comum em "
                      "fotos de uma mesma cena ou exame: neste conjunto não dá para dizer quais são cópias. Olhe as "
                      "primeiras, e não apague por esta lista.", found.names(_each_once(pairs)))
        return
    labels = found.photos.labels
    if mixed := [pair for pair in pairs if len(set(labels[pair])) > 1]:
        yield Finding("Fotos quase iguais", "aviso", f"{_pairs(len(mixed))} de fotos quase iguais com classes "
                      "diferentes. Confira a classe de cada uma.", found.names(_each_once(mixed)))
    leaking = crossing(pairs, found.split)
    if leaking:
        yield Finding("Fotos quase iguais", "aviso", f"{_pairs(len(leaking))} de fotos quase iguais dividido(s) entre "
                      "treino, validação e teste: é um vazamento, e o teste parecerá melhor do que é. Fique com uma "
                      "foto de cada par.", found.names(_each_once(leaking)))
    if rest := [pair for pair in pairs if pair not in leaking and pair not in mixed]:
        yield Finding("Fotos quase iguais", "aviso", f"{_pairs(len(rest))} de fotos quase iguais, por sorte sempre na "
                      "mesma parte da divisão. Fique com uma de cada par, ou outra semente criará um vazamento.",
                      found.names(_each_once(rest)))


def _each_once(pairs: list[list[int]]) -> list[int]:
    """The photos of some pairs, in their order."""
    return list(dict.fromkeys(photo for pair in pairs for photo in pair))


def _size(found: Survey) -> Iterator[Finding]:
    shorter = found.statistics[:, :2].min(axis=1)
    small = np.flatnonzero(shorter < found.image_size / 2)
    if len(small):
        yield Finding("Tamanho", "aviso", f"{_files(len(small))} com menos de {found.image_size // 2} pixels no lado "
                      f"menor: a rede olha {found.image_size} × {found.image_size}, e a foto ampliada fica borrada. "
                      "Prefira os originais.", found.names(small[np.argsort(shorter[small], kind="stable")]))


def _dark(found: Survey) -> Iterator[Finding]:
    brightness = found.statistics[:, list(STATISTICS).index("brightness")]
    dark = np.flatnonzero(brightness < NEARLY_BLACK)
    if len(dark):
        yield Finding("Escuras", "aviso", f"{_files(len(dark))} quase toda(s) preta(s). Se as originais não são assim, "
                      "como imagens de 12 bits gravadas em 16, clareie-as antes; se são, deixe-as de fora.",
                      found.names(dark[np.argsort(brightness[dark], kind="stable")]))


def _labels(found: Survey) -> Iterator[Finding]:
    labels = found.photos.labels
    suspects = suspicious_labels(out_of_fold_probabilities(found.features, labels), labels)
    if len(suspects):
        yield Finding("Rótulos", "aviso", f"{_files(len(suspects))} se parece(m) mais com a outra classe. Olhe cada "
                      "uma e mude de pasta só as que estiverem na errada; as apenas difíceis ficam onde estão.",
                      found.names(suspects))


def _shortcuts(found: Survey) -> Iterator[Finding]:
    for values, (key, name) in zip(found.statistics.T, STATISTICS.items(), strict=True):
        if key == "bytes":
            continue  # no pixel shows it
        compared = compare_classes(values, found.photos.labels)
        size = max(compared.superiority, 1 - compared.superiority)
        if size >= SHORTCUT_SUPERIORITY and compared.p_value < SHORTCUT_P_VALUE:
            (first, second), (one, other) = found.class_names, (integer(round(m)) for m in compared.medians)
            yield Finding("Atalhos", "aviso", f"As classes diferem em {name}: mediana de {one} em {first} e {other} "
                          f"em {second}. De cada 100 pares de fotos, esse número sozinho diz qual é qual em "
                          f"{round(100 * size)}. Fotografe as duas classes nas mesmas condições, ou a rede pode "
                          "aprender isso no lugar do que interessa.")


def _files(count: int) -> str:
    return f"{integer(count)} foto(s)"


def _pairs(count: int) -> str:
    return f"{integer(count)} par(es)"


CHECKS: dict[str, Callable[[Survey], Iterator[Finding]]] = {
    "Quantidade": _amount,
    "Equilíbrio": _balance,
    "Arquivos": _broken,
    "Cópias idênticas": _identical,
    "Fotos quase iguais": _near_copies,
    "Tamanho": _size,
    "Escuras": _dark,
    "Rótulos": _labels,
    "Atalhos": _shortcuts,
}
