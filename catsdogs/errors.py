"""The one exception that is meant for the user's eyes."""

from __future__ import annotations

import errno

# What the operating system says in its own language, which is not always the reader's.
REASONS = {
    errno.ENOSPC: "o disco está cheio", errno.EDQUOT: "a cota de disco acabou",
    errno.EFBIG: "o arquivo é grande demais", errno.EIO: "o disco falhou",
    errno.EACCES: "sem permissão", errno.EPERM: "sem permissão", errno.EROFS: "só se pode ler ali, não gravar",
    errno.ENOENT: "não existe", errno.EISDIR: "é uma pasta", errno.ENOTDIR: "o caminho passa por um arquivo",
    errno.ELOOP: "os links simbólicos formam um ciclo", errno.ENAMETOOLONG: "o nome é longo demais",
    errno.EMFILE: "há arquivos abertos demais", errno.ENFILE: "há arquivos abertos demais",
    errno.ENOMEM: "falta memória", errno.EEXIST: "já há um arquivo ou pasta com esse nome",
    errno.ENOTEMPTY: "a pasta não está vazia", errno.EBUSY: "está em uso", errno.EAGAIN: "está em uso",
    errno.EXDEV: "fica em outro disco", errno.EINVAL: "o sistema não aceita esse nome ou pedido",
    errno.EILSEQ: "o nome tem caracteres que não servem ali", errno.EMLINK: "há links demais",
    errno.ENODEV: "o disco não está mais lá", errno.ENXIO: "o disco não está mais lá",
    errno.ESTALE: "a pasta de rede mudou ou não está mais lá", errno.ETIMEDOUT: "a resposta demorou demais",
    errno.ENOSYS: "o sistema não sabe fazer isso ali", errno.ENOTSUP: "o sistema não sabe fazer isso ali",
    errno.EOPNOTSUPP: "o sistema não sabe fazer isso ali",
}


class CatsdogsError(Exception):
    """Bad input or a missing resource, told in one Portuguese sentence that says what to do."""

    def __init__(self, sentence: str):
        super().__init__(printable(sentence))


class NoNetworkError(CatsdogsError):
    """The server of a download cannot be reached at all."""


class DamagedFileError(CatsdogsError):
    """A file that can be had again is not whole."""


def reason(error: OSError) -> str:
    """Why the operating system refused, in a few Portuguese words."""
    if error.errno is None:
        return "o sistema não disse por quê"
    name = errno.errorcode.get(error.errno, error.errno)
    return REASONS.get(error.errno, f"o sistema respondeu com o código {name}")


def printable(text: str) -> str:
    """Text from outside, such as a file's name, on one line and without what would command the terminal.

    Line breaks, control characters and bytes that are no text become escapes: ``"a\\nb"`` → ``"a\\\\nb"``.
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
