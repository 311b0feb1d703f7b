"""Where the photos come from, which of them are usable, and how they are split."""

import contextlib
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from catsdogs.config import Config, cache_dir
from catsdogs.errors import CatsdogsError, DamagedFileError, NoNetworkError, reason
from catsdogs.files import file_digest, read_sealed, write_sealed
from catsdogs.layout import Layout, find_class_files
from catsdogs.photo import decode_photo, photo_bytes
from catsdogs.storage.archive import unpack
from catsdogs.storage.bundle import load_bundle_index
from catsdogs.storage.download import OFFICIAL_BYTES, OFFICIAL_URL, download, official_archive

MIN_PHOTOS_PER_CLASS = 10
PIECE = 1024
PARTS = ("train", "validation", "test")
# How the reason of a skipped file begins when nothing is wrong with the file itself, and what may follow.
IDENTICAL_COPY = "cópia idêntica de"
OF_OTHER_CLASS = ", que está na outra classe"


@dataclass(frozen=True)
class Photos:
    """Usable photos of two classes, in the order of their content's hash.

    Attributes:
        names: path of each photo inside the data folder, with forward slashes.
        labels: int32 array (n,), 0 or 1, an index into ``class_names``.
        digests: SHA-256 of each file, in hexadecimal; strictly increasing.
        class_names: the two class folders, in alphabetical order.
        origin: one Portuguese sentence on where the photos come from.
        folder: where ``names`` lie, or None when only the bundled activations are at hand.
        skipped: (name, reason) of each file left out.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    digests: tuple[str, ...]
    class_names: tuple[str, str]
    origin: str
    folder: Path | None
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def has_files(self) -> bool:
        """Whether the photos themselves can be opened."""
        return self.folder is not None

    def path(self, index: int) -> Path:
        """The file of photo ``index``."""
        if self.folder is None:
            raise CatsdogsError("As fotos não estão neste computador, só suas ativações: conecte-se à internet "
                                "ou indique uma pasta de fotos com CATSDOGS_DATA.")
        return self.folder / self.names[index]

    def subset(self, indices: np.ndarray) -> "Photos":
        """The photos at ``indices`` (int array, increasing)."""
        return replace(self, names=tuple(self.names[i] for i in indices), labels=self.labels[indices],
                       digests=tuple(self.digests[i] for i in indices))


@dataclass(frozen=True)
class Split:
    """Increasing int64 index arrays into the photos; the three are disjoint and cover them all."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def find_photos(config: Config, source: str | Path | None = None, url: str = OFFICIAL_URL,
                expected_bytes: int | None = OFFICIAL_BYTES) -> Photos:
    """The photos to learn from, from the first place that has them.

    In order: ``source`` or the environment variable ``CATSDOGS_DATA`` (folder or zip);
    the official photos downloaded before; the official download; the activations that
    ship with the repository.

    Raises:
        CatsdogsError: a named source is missing or not laid out as two class folders,
            or nothing at all can be had.
    """
    source = source or os.environ.get("CATSDOGS_DATA")
    if source:
        source = Path(os.path.abspath(Path(source).expanduser()))  # of a link, its own name
        kind = "pasta" if source.is_dir() else "arquivo"
        photos = index_folder(_named_folder(source), f"{kind} {source.name}", str(source))
    else:
        photos = _official_photos(url, expected_bytes)
    return limit_photos(photos, config.photos_per_class)


def _named_folder(source: Path) -> Path:
    """The folder a user's path stands for, unpacking a zip into the cache once."""
    if source.is_dir():
        return source
    if not source.exists():
        raise CatsdogsError(f"Não encontrei {source}: confira o caminho da pasta ou do zip de fotos.")
    if source.suffix.lower() != ".zip":
        raise CatsdogsError(f"{source.name} não é uma pasta nem um zip: indique uma pasta com duas subpastas de fotos.")
    return unpack(source, cache_dir() / "photos" / f"{source.stem}-{file_digest(source)[:12]}")


def _official_photos(url: str, expected_bytes: int | None) -> Photos:
    try:
        return index_folder(_official_folder(url, expected_bytes), "zip oficial")
    except CatsdogsError as failure:
        photos = bundled_photos()
        if photos is None:
            raise
        why = "sem internet para baixar as fotos" if isinstance(failure, NoNetworkError) else str(failure)
        return replace(photos, origin=f"{photos.origin} ({why})")


def bundled_photos() -> Photos | None:
    """The photos of which the repository ships the activations, without their files; None when it ships none."""
    index = load_bundle_index()
    return index and Photos(**index, origin="ativações que acompanham o repositório", folder=None)


def _official_folder(url: str, expected_bytes: int | None) -> Path:
    """The unpacked official zip, downloaded if needed, and once more if it turns out to be damaged."""
    archive, folder = official_archive(), cache_dir() / "photos" / "official"
    if folder.is_dir() and not archive.exists():  # somebody wanted the disk back
        return folder
    try:
        return unpack(download(url, archive, expected_bytes), folder)
    except DamagedFileError:
        archive.unlink()
        return unpack(download(url, archive, expected_bytes), folder)


def index_folder(folder: Path, origin: str, named: str = "") -> Photos:
    """Find, verify and hash every photo below ``folder``, which errors call as ``named`` says.

    Every file is decoded once; the result is remembered and reused as long as names, sizes
    and times of the last change stay the same.

    Raises:
        CatsdogsError: there are not exactly two classes, or too few readable photos, or a
            folder cannot be read.
    """
    try:
        layout = find_class_files(folder, named or str(folder))
    except OSError as error:
        raise CatsdogsError(f"Não consegui ler {error.filename or folder} ({reason(error)}): confira a pasta e suas "
                            "permissões.") from error
    root, files = layout.root, layout.files
    state = [(path.relative_to(root).as_posix(), *_size_and_times(path)) for _, path in files]
    signature = hashlib.sha256(repr((str(root.resolve()), state)).encode()).hexdigest()
    remembered = cache_dir() / "index" / signature[:32]
    kept = read_sealed(remembered)
    rows = _verify(files) if kept is None else json.loads(kept)
    if kept is None:
        with contextlib.suppress(OSError):  # without a place to keep it, they are verified again the next time
            write_sealed(remembered, json.dumps(rows).encode())
    return _photos_from_rows(rows, layout, origin)


def _size_and_times(path: Path) -> tuple[int, ...]:
    """What changes with a file's content, even if its modification time was set back; zero if it cannot be read."""
    try:
        found = path.stat()
    except OSError:
        return (0,)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _verify(files: list[tuple[str, Path]]) -> list[list[str]]:
    """[digest, trouble] of each file; the trouble is empty for a readable photo."""
    def check(path: Path) -> list[str]:
        try:
            content = photo_bytes(path)
            decode_photo(content, path.name)
            return [hashlib.sha256(content).hexdigest(), ""]
        except CatsdogsError as error:
            return ["", str(error)]

    paths, checks = [path for _, path in files], []
    with ThreadPoolExecutor(os.cpu_count()) as pool, \
            tqdm(total=len(files), desc="Conferindo fotos", unit="foto") as progress:
        # In pieces, so that memory does not grow with the tasks of a million photos.
        for start in range(0, len(paths), PIECE):
            checks += pool.map(check, paths[start:start + PIECE])
            progress.update(len(checks) - progress.n)
    return checks


def _photos_from_rows(rows: list, layout: Layout, origin: str) -> Photos:
    """Photos in content order; unreadable files and repeated copies are left out with their reason."""
    class_names = tuple(sorted({label for label, _ in layout.files}))
    chosen: dict[str, tuple[str, int]] = {}
    skipped = [(Path(os.path.relpath(path, layout.root)).as_posix(), why) for path, why in layout.left_out]
    for (digest, trouble), (label, path) in zip(rows, layout.files, strict=True):
        name = path.relative_to(layout.root).as_posix()
        if trouble:
            skipped.append((name, trouble))
        elif digest in chosen:
            kept, label_of_kept = chosen[digest]
            other = "" if class_names[label_of_kept] == label else OF_OTHER_CLASS
            skipped.append((name, f"{IDENTICAL_COPY} {kept}{other}."))
        else:
            chosen[digest] = (name, class_names.index(label))
    digests = sorted(chosen)
    labels = np.array([chosen[digest][1] for digest in digests], dtype=np.int32)
    photos = Photos(tuple(chosen[digest][0] for digest in digests), labels, tuple(digests), class_names,
                    origin, layout.root, tuple(skipped))
    _require_enough(photos)
    return photos


def _require_enough(photos: Photos) -> None:
    counts = np.bincount(photos.labels, minlength=2)
    if counts.min() < MIN_PHOTOS_PER_CLASS:
        left_out = f" Ficaram de fora {len(photos.skipped)} arquivo(s), por exemplo: {photos.skipped[0][1]}" \
            if photos.skipped else ""
        raise CatsdogsError(f"Há {counts[0]} foto(s) legíveis em {photos.class_names[0]} e {counts[1]} em "
                            f"{photos.class_names[1]}; junte pelo menos {MIN_PHOTOS_PER_CLASS} de cada classe."
                            f"{left_out}")


def limit_photos(photos: Photos, per_class: int | None) -> Photos:
    """The first ``per_class`` photos of each class in content order; all of them when None."""
    if per_class is None:
        return photos
    kept = [np.flatnonzero(photos.labels == label)[:per_class] for label in (0, 1)]
    return photos.subset(np.sort(np.concatenate(kept)))


def split_photos(photos: Photos, config: Config) -> Split:
    """Pool all photos and split them at random, each class in the same proportions.

    Photos are in content order, so the same photos and seed give the same split whatever
    the files are called and wherever they lie. No two photos have the same content.
    """
    everything = np.arange(len(photos))
    rest, test = train_test_split(everything, test_size=round(len(photos) * config.test_fraction),
                                  stratify=photos.labels, random_state=config.seed)
    train, validation = train_test_split(rest, test_size=round(len(photos) * config.validation_fraction),
                                         stratify=photos.labels[rest], random_state=config.seed)
    return Split(np.sort(train), np.sort(validation), np.sort(test))


def draw_photos(rows: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """``count`` of these photos at random, both classes alike (each in its own share when ``count`` is odd).

    Args:
        rows: int64 indices into ``labels``, such as ``Split.train``.

    Returns:
        int64 array (count,), increasing; ``rows`` themselves when there are no more than ``count``.
    """
    if count >= len(rows):
        return rows
    return np.sort(train_test_split(rows, train_size=count, stratify=labels[rows], random_state=seed)[0])
