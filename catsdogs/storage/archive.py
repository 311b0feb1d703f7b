"""Zips of photos, unpacked safely and once."""

import contextlib
import os
import stat
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from catsdogs.errors import CatsdogsError, DamagedFileError, reason
from catsdogs.files import PIECE_BYTES, workshop
from catsdogs.storage.limits import (
    GIB,
    MAX_UNPACKED_BYTES,
    MAX_UNPACKED_FILES,
    MAX_UNPACKED_RATIO,
    RATIO_COUNTS_FROM_BYTES,
)

# The last record of a zip, and the longest comment that may follow in it.
ZIP_END_BYTES = 22 + 2**16


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip into ``folder``, unless all of its content is there already, byte for byte.

    ``folder`` appears only when everything is in it, also if two processes do this at once.

    Raises:
        DamagedFileError: the zip is damaged or cut short.
        CatsdogsError: the zip holds a path or link that leaves the folder, two files of one
            name, or more than ``limits`` allows; or the disk takes no more.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                member.filename = true_name(member)
            check_members(content.infolist(), archive)
            check_count(len(content.infolist()), archive)
            if not holds(folder, content):
                with workshop(folder) as scratch:
                    content.extractall(scratch / "new", content.infolist())
                    (scratch / "new").mkdir(exist_ok=True)  # of an empty zip
                    replace(folder, scratch, content)
    except (CatsdogsError, MemoryError):
        raise
    except RuntimeError as error:  # a password, or (NotImplementedError) an unusual compression
        raise CatsdogsError(f"{archive.name} tem senha ou uma compressão que não sei ler: "
                            "descompacte-o você mesmo e indique a pasta.") from error
    except Exception as error:  # each compression has errors of its own for what makes no sense
        if isinstance(error, OSError) and error.errno:  # but those of bz2 have no number
            raise CatsdogsError(f"Não consegui descompactar {archive.name} em {folder.parent} ({reason(error)}): "
                                "confira o espaço em disco e as permissões, ou indique outra pasta em CATSDOGS_CACHE."
                                ) from error
        raise DamagedFileError(f"{archive.name} está danificado: obtenha-o de novo.") from error
    return folder


def true_name(member: zipfile.ZipInfo) -> str:
    """The name that who made the zip saw, with ``/`` between folders, in composed letters.

    Without the flag for UTF-8, for which ``zipfile`` takes CP437 (APPNOTE.TXT, appendix D), macOS writes UTF-8 all the
    same, and Windows in Portuguese CP850.
    """
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeEncodeError):  # it came whole, from another field
            written = name.encode("cp437")
            try:
                name = written.decode("utf-8")
            except UnicodeDecodeError:
                name = written.decode("cp850")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def replace(folder: Path, scratch: Path, content: zipfile.ZipFile) -> None:
    """Put ``scratch / "new"`` in the place of a missing or damaged ``folder``, unless another process just did."""
    in_the_way = os.path.lexists(folder)
    if holds(folder, content):
        return
    try:
        if in_the_way:  # and damaged: what appeared since then is whole, and may be in use already
            with contextlib.suppress(FileNotFoundError):
                os.replace(folder, scratch / "old")
        os.replace(scratch / "new", folder)
    except OSError:  # no system puts a folder in the place of one that is not empty
        if not holds(folder, content):
            raise


def holds(folder: Path, content: zipfile.ZipFile) -> bool:
    """Whether every file of the zip is in ``folder`` with the same size and CRC-32."""
    if not folder.is_dir():
        return False
    return all(is_same(folder / member.filename, member) for member in content.infolist() if not member.is_dir())


def is_same(path: Path, member: zipfile.ZipInfo) -> bool:
    """Whether a file has the size and CRC-32 of a zip's member."""
    try:
        if path.stat().st_size != member.file_size:
            return False
        checksum = 0
        with open(path, "rb") as file:
            while piece := file.read(PIECE_BYTES):
                checksum = zlib.crc32(piece, checksum)
    except OSError:
        return False
    return checksum == member.CRC


def check_members(members: list[zipfile.ZipInfo], archive: Path) -> None:
    """Raise CatsdogsError for a zip that could write outside the target folder, over itself, or without end."""
    for member in members:
        check_path(member, archive)
    names = {PurePosixPath(member.filename) for member in members}
    if len(names) < len(members):
        raise CatsdogsError(f"{archive.name} tem dois arquivos de mesmo nome e não foi descompactado: "
                            "compacte as fotos de novo.")
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES or len(members) > MAX_UNPACKED_FILES:
        raise CatsdogsError(f"{archive.name} ocuparia {total / GIB:.0f} GiB em {len(members)} arquivos: use um zip "
                            "menor ou descompacte-o você mesmo e indique a pasta.")
    if total > RATIO_COUNTS_FROM_BYTES and total > MAX_UNPACKED_RATIO * archive.stat().st_size:
        raise CatsdogsError(f"{archive.name} cresceria mais de {MAX_UNPACKED_RATIO} vezes, o que fotos não fazem, e "
                            "não foi descompactado: use um zip de origem confiável.")


def check_count(count: int, archive: Path) -> None:
    """Raise BadZipFile unless a zip lists as many entries as its end tells, which ``zipfile`` does not compare."""
    with open(archive, "rb") as file:
        file.seek(max(0, archive.stat().st_size - ZIP_END_BYTES))
        end = file.read()
    start = end.rindex(b"PK\5\6")
    told = int.from_bytes(end[start + 10:start + 12], "little")
    if told not in (count % 2**16, 2**16 - 1):  # the last for what two bytes cannot tell
        raise zipfile.BadZipFile(f"{count} entries of {told}")


def check_path(member: zipfile.ZipInfo, archive: Path) -> None:
    """Raise CatsdogsError for a zip entry that could write outside the target folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    has_drive = ":" in "".join(path.parts[:1])
    if path.is_absolute() or ".." in path.parts or has_drive or is_link:
        raise CatsdogsError(f"{archive.name} contém um caminho inseguro ({member.filename}) e não foi descompactado: "
                            "use um zip de origem confiável.")
