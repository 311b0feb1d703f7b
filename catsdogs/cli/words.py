"""argparse in Portuguese."""

import argparse
import re
from typing import NoReturn

# argparse speaks English; these are all the sentences of it that a user of this command can meet.
ARGPARSE_WORDS = {
    "usage: ": "uso: ",
    "options": "opções",
    "positional arguments": "argumentos",
    "show this help message and exit": "mostra esta ajuda e sai",
    "%(prog)s: error: %(message)s\n": "%(prog)s: erro: %(message)s\n",
    "the following arguments are required: %s": "faltou informar: %s",
    "unrecognized arguments: %s": "não conheço estes argumentos: %s",
    "ignored explicit argument %r": "esta opção não recebe valor: %r",
    "not allowed with argument %s": "não vale junto com %s",
    "expected one argument": "espera um valor",
    "expected at least one argument": "espera pelo menos um valor",
    "invalid %(type)s value: %(value)r": "valor inválido: %(value)r",
    "invalid choice: %(value)r (choose from %(choices)s)": "opção inválida: %(value)r (escolha entre %(choices)s)",
    "unknown parser %(parser_name)r (choices: %(choices)s)": "não conheço %(parser_name)r (há: %(choices)s)",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are in Portuguese to the first word, in Python 3.10 too."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and one line, and exit with 2."""
        super().error(re.sub("^argument ", "argumento ", message))


def speak_portuguese() -> None:
    """Make argparse say the sentences of ``ARGPARSE_WORDS`` in Portuguese."""
    argparse._ = lambda sentence: ARGPARSE_WORDS.get(sentence, sentence)
