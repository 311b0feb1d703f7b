"""Commands for students and instructors: from ``new`` to ``grade`` and ``offline``."""

import argparse
import json
import os
import sys
from pathlib import Path

from catsdogs.cli.options import add_json, add_repository, new_command
from catsdogs.cli.output import print_checks, say
from catsdogs.config import CHECKOUT
from catsdogs.errors import CatsdogsError
from catsdogs.storage.limits import GRADING_SECONDS
from catsdogs.text import number, plain_table


def add_new_command(commands) -> None:
    """The options of ``catsdogs new``."""
    command = new_command(commands, "new", "começa o seu repositório do desafio, com README, notebook e licença",
                          run_new)
    command.add_argument("pasta", type=Path, metavar="PASTA", help="pasta nova ou vazia")


def run_new(options: argparse.Namespace) -> int:
    """``catsdogs new``."""
    from catsdogs.classroom.delivery import NOTEBOOK_FILE, start

    start(options.pasta)
    print(f"Repositório começado em {options.pasta}: execute {NOTEBOOK_FILE}, complete o README.md e confira com "
          "`catsdogs check-delivery`.")
    return 0


def add_report_command(commands) -> None:
    """The options of ``catsdogs report``."""
    command = new_command(commands, "report", "refaz, no seu repositório, as figuras e os números do README",
                          run_report)
    add_repository(command)


def run_report(options: argparse.Namespace) -> int:
    """``catsdogs report``."""
    from catsdogs.report import write_report

    write_report(options.pasta)
    print(f"Figuras e números do README.md refeitos em {options.pasta}.")
    return 0


def add_check_delivery_command(commands) -> None:
    """The options of ``catsdogs check-delivery``."""
    command = new_command(commands, "check-delivery", "confere se o seu repositório está completo e diz o que falta",
                          run_check_delivery)
    add_repository(command)
    add_json(command)


def run_check_delivery(options: argparse.Namespace) -> int:
    """``catsdogs check-delivery``: 1 when something required is missing."""
    from catsdogs.classroom.delivery import check_delivery

    checks = check_delivery(options.pasta)
    missing = sum(check.status == "falta" for check in checks)
    if options.json:
        print(json.dumps({"delivered": not missing, "checks": [
            {"name": check.name, "status": check.status, "problems": check.problems} for check in checks]},
            ensure_ascii=False))
    else:
        print_checks([(check.status, check.name, problem) for check in checks for problem in check.problems or ("",)])
        print(f"\nFalta resolver {missing} de {len(checks)} itens." if missing else "\nEntrega completa.")
    return 1 if missing else 0


def add_assignment_command(commands) -> None:
    """The options of ``catsdogs assignment``."""
    command = new_command(commands, "assignment", "gera a tarefa: versão do aluno, solução e autograder",
                          run_assignment)
    command.add_argument("pasta", type=Path, metavar="PASTA", help="onde gravar")


def run_assignment(options: argparse.Namespace) -> int:
    """``catsdogs assignment``."""
    from catsdogs.classroom.assignment import AUTOGRADER_FILE, SOLUTION_FOLDER, STUDENT_FOLDER, build_assignment

    build_assignment(options.pasta)
    print(f"Em {options.pasta}: {STUDENT_FOLDER}/ para os estudantes; {SOLUTION_FOLDER}/ e {AUTOGRADER_FILE} "
          "para você.")
    return 0


def add_grade_command(commands) -> None:
    """The options of ``catsdogs grade``."""
    command = new_command(commands, "grade", "corrige uma pasta de entregas da tarefa, cada uma isolada e com limites",
                          run_grade)
    command.add_argument("entregas", type=Path, metavar="ENTREGAS",
                         help="pasta, ou zip, com um notebook, zip ou subpasta por estudante")
    command.add_argument("--autograder", type=Path, default=CHECKOUT / "_build" / "tarefa" / "autograder.zip",
                         metavar="ZIP", help="o de `catsdogs assignment` (padrão: o de `make assignment`)")
    command.add_argument("--out", type=Path, default=Path("notas.csv"), metavar="ARQUIVO",
                         help="onde gravar as notas; o gráfico e as páginas dos estudantes ficam ao lado "
                              "(padrão: notas.csv)")
    command.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), metavar="N",
                         help="entregas corrigidas ao mesmo tempo (padrão: metade dos núcleos)")
    command.add_argument("--time-limit", type=float, default=GRADING_SECONDS, metavar="S",
                         help=f"segundos para cada entrega (padrão: {GRADING_SECONDS})")
    command.add_argument("--no-sandbox", action="store_true",
                         help="corrige sem o bubblewrap, e o código dos estudantes alcança os seus arquivos: só numa "
                              "máquina que se possa jogar fora")


def run_grade(options: argparse.Namespace) -> int:
    """``catsdogs grade``."""
    from catsdogs.classroom.grading import grade_all

    if options.jobs < 1 or not options.time_limit > 0:  # nan is neither
        raise CatsdogsError("--jobs e --time-limit precisam ser maiores que zero.")
    try:
        grades = grade_all(options.entregas, options.autograder, options.out, options.jobs, options.time_limit, say,
                           sandboxed=not options.no_sandbox)
    except KeyboardInterrupt:
        print("\ncatsdogs: interrompido; o que já foi corrigido está guardado, e o mesmo comando continua daí.",
              file=sys.stderr)
        return 130
    print(plain_table(["Estudante", "Pontos", "Situação"],
                      [[grade.student, number(grade.total, 1), grade.status] for grade in grades]))
    print(f"\nNotas em {options.out}, gráfico em {options.out.with_suffix('.png')}, uma página por estudante em "
          f"{options.out.with_suffix('')}/.")
    return 0


def add_offline_command(commands) -> None:
    """The options of ``catsdogs offline``."""
    command = new_command(commands, "offline", "reúne em uma pasta tudo o que um laboratório sem internet precisa",
                          run_offline)
    command.epilog = ("O instalar.py da pasta confere a soma SHA-256 de cada arquivo e de cada pacote antes de usá-lo: "
                      "leve-o às máquinas por um caminho de confiança (um pen drive, uma página por HTTPS), e o resto "
                      "pode vir por HTTP.")
    command.add_argument("pasta", type=Path, metavar="PASTA",
                         help="onde reunir; o que já está nela não se baixa de novo")


def run_offline(options: argparse.Namespace) -> int:
    """``catsdogs offline``: 1 when something that the laboratory needs is missing."""
    from catsdogs.classroom.offline import SCRIPT_FILE, gather

    items = gather(options.pasta, say)
    print_checks([(item.status, item.name, item.text) for item in items])
    missing = any(item.status == "falta" for item in items)
    print("\nFalta alguma coisa; o que já veio fica na pasta." if missing else
          f"\nPasta pronta. Em cada máquina do laboratório: python {options.pasta / SCRIPT_FILE}")
    return 1 if missing else 0
