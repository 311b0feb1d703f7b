"""The command line: reads arguments, calls the package, prints in Portuguese.

Each command stands with its options in ``training``, ``photos`` or ``classroom``. It may import every other room, and
only ``python -m catsdogs`` and the ``catsdogs`` script import it.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from catsdogs import __version__
from catsdogs.cli import classroom, photos, training
from catsdogs.cli.words import Parser, speak_portuguese
from catsdogs.errors import CatsdogsError, printable, reason

# In the order in which `catsdogs --help` lists them.
COMMANDS = (
    training.add_train_command,
    training.add_evaluate_command,
    training.add_verify_command,
    photos.add_predict_command,
    photos.add_info_command,
    photos.add_check_command,
    training.add_extract_command,
    photos.add_export_command,
    photos.add_page_command,
    training.add_experiment_command,
    classroom.add_new_command,
    classroom.add_report_command,
    classroom.add_check_delivery_command,
    classroom.add_assignment_command,
    classroom.add_grade_command,
    classroom.add_offline_command,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 on success, 1 when something was wrong with what the user gave, 130 on Ctrl+C.
        Wrong usage exits with 2, as argparse does.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may be no text at all
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options)
    except CatsdogsError as error:
        print(f"catsdogs: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has had enough; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = printable(str(error.filename or "um arquivo"))
        print(f"catsdogs: não consegui ler ou gravar {where} ({reason(error)}): confira o disco e as permissões; "
              "CATSDOGS_CACHE e CATSDOGS_MODELS indicam outras pastas.", file=sys.stderr)
        return 1
    except MemoryError:
        print("catsdogs: falta memória: feche outros programas, ou use menos fotos ou fotos menores.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncatsdogs: interrompido; o que já foi extraído está guardado.", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    speak_portuguese()
    parser = Parser(
        prog="catsdogs", description="Transfer learning com MobileNetV2 em duas classes de fotos.",
        epilog="Variáveis de ambiente: CATSDOGS_DATA (pasta ou zip de fotos), CATSDOGS_WEIGHTS (pesos do backbone), "
               "CATSDOGS_CACHE (downloads, ativações e modelos convertidos), "
               "CATSDOGS_MODELS (onde gravar checkpoints).")
    parser.add_argument("--version", action="version", version=f"catsdogs {__version__}",
                        help="mostra a versão e sai")
    commands = parser.add_subparsers(title="comandos", metavar="COMANDO", required=True)
    for add_command in COMMANDS:
        add_command(commands)
    return parser
