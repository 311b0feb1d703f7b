"""The one exception that is meant for the user's eyes."""

from __future__ import annotations

import errno

# What the operating system says in its own language, which is not always the reader's.
REASONS = {
    errno.ENOSPC: "o disco está cheio", errno.EDQUOT: "a cota de disco acabou",
    errno.EFBIG: "o arquivo é grande demais", errno.EIO: "o disco falhou",
    errno.EACCES: "sem permissão", errno.EPERM: "sem permissão", errno.EROFS: "só se pode ler ali, não gravar",
    errno.ENOENT: "não existe", errno.EISDIR: "é uma pasta", errno.ENOTDIR: "o caminho passa por um arquivo",
    errno.ELOOP: "os atalhos dão voltas", errno.ENAMETOOLONG: "o nome é longo demais",
    errno.EMFILE: "há arquivos abertos demais", errno.ENOMEM: "falta memória",
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
    return REASONS.get(error.errno) or error.strerror or type(error).__name__


def printable(text: str) -> str:
    """Text from outside, such as a file's name, on one line and without what would command the terminal.

    Line breaks, control characters and bytes that are no text become escapes: ``"a\\nb"`` → ``"a\\\\nb"``.
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
