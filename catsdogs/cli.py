"""The command line: reads arguments, calls the package, prints in Portuguese."""

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from catsdogs import __version__
from catsdogs.config import (
    BETTER_CHECKPOINT,
    CHECKOUT,
    MIN_IMAGE_SIZE,
    PHASE1_CHECKPOINT,
    PHASE2_CHECKPOINT,
    RECIPES,
    BetterConfig,
    Config,
    cache_dir,
    checkpoint_path,
    load_config,
    models_dir,
)
from catsdogs.errors import CatsdogsError, printable, reason
from catsdogs.limits import GRADING_SECONDS, MAX_IMAGE_SIZE
from catsdogs.text import display_name, integer, number, percent, plain_table

PHASES = {"1": PHASE1_CHECKPOINT, "2": PHASE2_CHECKPOINT}
SHOWN = 20

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


# Option → the field of Config, what it means, its least and most value.
NUMBERS = {
    "--image-size": ("image_size", "lado da imagem que entra na rede, em pixels", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE),
    "--epochs": ("head_epochs", "máximo de épocas da fase 1", 1, 10_000),
    "--fine-tune-epochs": ("fine_tune_epochs", "máximo de épocas da fase 2", 1, 10_000),
    "--unfrozen-layers": ("unfrozen_layers", "quantas das últimas camadas a fase 2 treina", 1, 1_000),
    "--batch-size": ("batch_size", "fotos por passo", 1, 100_000),
    "--seed": ("seed", "semente da divisão e do treino", 0, 2**32 - 1),
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are in Portuguese to the first word, in Python 3.10 too."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and one line, and exit with 2."""
        super().error(re.sub("^argument ", "argumento ", message))


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
    argparse._ = lambda sentence: ARGPARSE_WORDS.get(sentence, sentence)
    parser = Parser(
        prog="catsdogs", description="Transfer learning com MobileNetV2 em duas classes de fotos.",
        epilog="Variáveis de ambiente: CATSDOGS_DATA (pasta ou zip de fotos), CATSDOGS_WEIGHTS (pesos do backbone), "
               "CATSDOGS_CACHE (downloads, ativações e modelos convertidos), "
               "CATSDOGS_MODELS (onde gravar checkpoints).")
    parser.add_argument("--version", action="version", version=f"catsdogs {__version__}",
                        help="mostra a versão e sai")
    commands = parser.add_subparsers(title="comandos", metavar="COMANDO", required=True)
    _add_train(commands)
    _add_evaluate(commands)
    _add_verify(commands)
    _add_predict(commands)
    _add_info(commands)
    _add_check(commands)
    _add_extract(commands)
    _add_export(commands)
    _add_experiment(commands)
    _add_new(commands)
    _add_report(commands)
    _add_check_delivery(commands)
    _add_assignment(commands)
    _add_grade(commands)
    _add_offline(commands)
    return parser


def _add_train(commands) -> None:
    command = _command(commands, "train", "treina as duas fases e grava checkpoints, figuras e run.json", run_train)
    _add_source(command)
    command.add_argument("--recipe", choices=RECIPES, default="desafio",
                         help="`desafio`, a do desafio, ou `melhor`, mais demorada, que grava "
                              f"{BETTER_CHECKPOINT} e precisa das fotos (padrão: desafio)")
    command.add_argument("--again", action="store_true", help="treina de novo mesmo que nada tenha mudado")
    for flag in NUMBERS:
        _add_number(command, flag)
    _add_json(command)


def _add_number(command, flag: str) -> None:
    field, meaning, _, _ = NUMBERS[flag]
    command.add_argument(flag, dest=field, type=int, metavar="N",
                         help=f"{meaning} (padrão do desafio: {getattr(Config, field)})")


def _add_evaluate(commands) -> None:
    command = _command(commands, "evaluate", "mede os dois checkpoints na validação e no teste", run_evaluate)
    _add_data(command)
    _add_json(command)


def _add_verify(commands) -> None:
    command = _command(commands, "verify", "refaz, a partir dos checkpoints, as medidas do registro e as compara",
                       run_verify)
    _add_data(command)
    _add_json(command)


def _add_predict(commands) -> None:
    command = _command(commands, "predict", "diz a classe de uma ou mais fotos", run_predict)
    command.add_argument("fotos", nargs="+", metavar="FOTO", help="arquivo de imagem, ou pasta com imagens")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--phase", choices=[*PHASES, "both"], default="2",
                       help="checkpoint da fase 1, da fase 2 ou os dois lado a lado (padrão: 2)")
    which.add_argument("--checkpoint", type=Path, metavar="ARQUIVO", help="outro checkpoint .keras deste projeto")
    _add_json(command)


def _add_info(commands) -> None:
    command = _command(commands, "info", "mostra dados, pesos, aparelho, cache e versões encontrados", run_info)
    _add_source(command)
    _add_json(command)


def _add_check(commands) -> None:
    command = _command(commands, "check", "confere as suas fotos antes do treino e diz o que fazer", run_check)
    command.add_argument("fotos", metavar="PASTA|ZIP", help="pasta ou zip com duas subpastas de fotos, uma por classe")
    _add_weights(command)
    _add_json(command)


def _add_extract(commands) -> None:
    command = _command(commands, "extract", "só extrai as ativações das fotos, aqui ou em um cluster, e as guarda",
                       run_extract)
    _add_source(command)
    _add_number(command, "--image-size")
    command.add_argument("--cluster", metavar="ENDEREÇO|local", help="endereço de um escalonador do Dask, ou `local` "
                         "para um cluster nesta máquina (padrão: extrai sem cluster)")
    command.add_argument("--workers", type=int, metavar="N", help="processos do cluster `local` "
                         "(padrão: um por núcleo)")
    _add_json(command)
    command.set_defaults(recipe="desafio")


def _add_export(commands) -> None:
    command = _command(commands, "export", "grava os dois checkpoints como um só modelo para a web", run_export)
    command.add_argument("--web", type=Path, required=True, metavar="PASTA", help="onde gravar o modelo e o que ele é")
    _add_json(command)


def _add_experiment(commands) -> None:
    command = _command(commands, "experiment", "repete um experimento do livro; o que já foi feito não se refaz",
                       run_named_experiment)
    command.add_argument("nome", metavar="NOME", help="nome do experimento, como `repeated_runs`")
    _add_source(command)
    _add_json(command)


def _add_new(commands) -> None:
    command = _command(commands, "new", "começa o seu repositório do desafio, com README, notebook e licença", run_new)
    command.add_argument("pasta", type=Path, metavar="PASTA", help="pasta nova ou vazia")


def _add_report(commands) -> None:
    command = _command(commands, "report", "refaz, no seu repositório, as figuras e os números do README", run_report)
    _add_repository(command)


def _add_check_delivery(commands) -> None:
    command = _command(commands, "check-delivery", "confere se o seu repositório está completo e diz o que falta",
                       run_check_delivery)
    _add_repository(command)
    _add_json(command)


def _add_assignment(commands) -> None:
    command = _command(commands, "assignment", "gera a tarefa: versão do aluno, solução e autograder", run_assignment)
    command.add_argument("pasta", type=Path, metavar="PASTA", help="onde gravar")


def _add_grade(commands) -> None:
    command = _command(commands, "grade", "corrige uma pasta de entregas da tarefa, cada uma isolada e com limites",
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


def _add_offline(commands) -> None:
    command = _command(commands, "offline", "reúne em uma pasta tudo o que um laboratório sem internet precisa",
                       run_offline)
    command.epilog = ("O instalar.py da pasta confere a soma SHA-256 de cada arquivo antes de usá-lo: leve-o às "
                      "máquinas por um caminho de confiança (um pen drive, uma página por HTTPS), e o resto pode vir "
                      "por HTTP.")
    command.add_argument("pasta", type=Path, metavar="PASTA",
                         help="onde reunir; o que já está nela não se baixa de novo")


def _command(commands, name: str, meaning: str, run) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=meaning, description=meaning[0].upper() + meaning[1:] + ".")
    command.set_defaults(run=run)
    return command


def _add_source(command) -> None:
    command.add_argument("--data", metavar="PASTA|ZIP", help="pasta ou zip com duas subpastas de fotos, uma por classe "
                         "(padrão: as fotos oficiais; sem rede, as ativações do repositório)")
    _add_weights(command)


def _add_data(command) -> None:
    command.add_argument("--data", metavar="PASTA|ZIP", help="as fotos do treino (padrão: para os checkpoints do "
                         "repositório, as ativações que os acompanham; para outros, as fotos oficiais)")


def _add_weights(command) -> None:
    command.add_argument("--weights", metavar="ARQUIVO", help="pesos da MobileNetV2 sem classificador "
                         "(padrão: os oficiais da ImageNet; sem rede, os do repositório)")


def _add_repository(command) -> None:
    command.add_argument("pasta", type=Path, nargs="?", default=Path("."), metavar="PASTA",
                         help="o seu repositório, começado com `catsdogs new` (padrão: a pasta atual)")


def _add_json(command) -> None:
    command.add_argument("--json", action="store_true", help="escreve o resultado em JSON na saída padrão")


def _say(line: str) -> None:
    """Progress goes to the error output, so that the standard output holds only results."""
    print(line, file=sys.stderr, flush=True)


def _prepare(options: argparse.Namespace, config: Config):
    from catsdogs.pipeline import prepare

    materials = prepare(config, options.data, options.weights)
    _say_found(materials.photos, materials.backbone)
    return materials


def _prepare_trained(options: argparse.Namespace):
    from catsdogs.pipeline import prepare_trained

    materials = prepare_trained(options.data)
    _say_found(materials.photos, materials.backbone)
    return materials


def _say_found(photos, backbone) -> None:
    _say(f"Fotos: {photos.origin}.")
    _say(f"Backbone: {backbone.origin}.")
    if photos.skipped:
        _say(f"{len(photos.skipped)} arquivo(s) deixado(s) de fora:")
        for name, trouble in photos.skipped[:SHOWN]:
            _say(printable(f"  {name}: {trouble}"))
        if len(photos.skipped) > SHOWN:
            _say(f"  e mais {len(photos.skipped) - SHOWN}; `catsdogs info --json` mostra todos")


def run_train(options: argparse.Namespace) -> int:
    """``catsdogs train``."""
    from catsdogs.pipeline import train
    from catsdogs.recipe import train_and_save

    materials, verbose = _prepare(options, _config_from(options)), 0 if options.json else 2
    if options.recipe == "melhor":
        _print_scores(train_and_save(materials, say=_say, verbose=verbose), options.json)
    else:
        _print_scores(train(materials, say=_say, verbose=verbose, again=options.again), options.json)
    return 0


def _config_from(options: argparse.Namespace) -> Config:
    from dataclasses import replace

    given = {}
    for flag, (field, _, least, most) in NUMBERS.items():
        value = getattr(options, field, None)
        if value is not None and not least <= value <= most:
            raise CatsdogsError(f"{flag} não pode ser {value}: use um número de {integer(least)} a {integer(most)}.")
        if value is not None:
            given[field] = value
    return replace(BetterConfig() if options.recipe == "melhor" else load_config(), **given)


def _print_scores(record: dict, as_json: bool) -> None:
    from catsdogs.evaluation import METRICS_HEADER, REPORT_HEADER, Scores, metrics_row, report_rows

    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    models = {f"fase {phase}": record[f"phase{phase}"] for phase in PHASES} if "phase1" in record \
        else {f"receita {record['recipe']}": record}
    scores = {(part, name): Scores(**model[part]) for part in ("validation", "test") for name, model in models.items()}
    parts = {"validation": "Validação", "test": "Teste"}
    print(plain_table(METRICS_HEADER, [metrics_row(f"{parts[part]}, {name}", row)
                                       for (part, name), row in scores.items()]))
    for name in models:
        print(f"\nTeste, {name}")
        print(plain_table(REPORT_HEADER, report_rows(scores["test", name])))


def run_evaluate(options: argparse.Namespace) -> int:
    """``catsdogs evaluate``."""
    from catsdogs.pipeline import evaluate_checkpoints

    _print_scores(evaluate_checkpoints(_prepare_trained(options)), options.json)
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """``catsdogs verify``: 1 when a recorded metric does not hold."""
    from dataclasses import asdict

    from catsdogs.verify import verify

    found = verify(_prepare_trained(options))
    holds = all(each.holds for each in found)
    if options.json:
        print(json.dumps({"holds": holds, "metrics": [{**asdict(each), "holds": each.holds} for each in found]}))
        return 0 if holds else 1
    parts = {"validation": "validação", "test": "teste"}
    names = {"accuracy": "acurácia", "auc": "AUC", "loss": "perda"}
    print(plain_table(["", "Registrado", "Refeito", ""], [
        [f"fase {each.phase[-1]}, {parts[each.part]}: {names[each.metric]}", number(each.recorded, 6),
         number(each.found, 6), "confere" if each.holds else "não confere"] for each in found]))
    print("\nO registro confere." if holds else
          "\nO registro não confere com os checkpoints: rode `catsdogs train --again`.")
    return 0 if holds else 1


def run_predict(options: argparse.Namespace) -> int:
    """``catsdogs predict``: 1 when some photo could not be read, after answering for all the others."""
    from catsdogs.predict import Classifier, photos_in, predict_side_by_side

    photos = photos_in(options.fotos)
    phases = list(PHASES) if options.phase == "both" else [options.phase]
    files = {f"fase {phase}": checkpoint_path(PHASES[phase]) for phase in phases}
    if options.checkpoint:
        files = {options.checkpoint.name: options.checkpoint}
    classifiers = {name: Classifier(path, _say) for name, path in files.items()}
    rows, failed = [], False
    for photo, given in zip(photos, predict_side_by_side([*classifiers.values()], photos), strict=True):
        answers = dict(zip(classifiers, given, strict=True))
        error = next(iter(answers.values())).error
        failed = failed or bool(error)
        if options.json:
            rows.append({"photo": str(photo), "error": error} if error else
                        {"photo": str(photo), "answers": {name: {
                            "class": answer.class_name, "probabilities": answer.probabilities}
                            for name, answer in answers.items()}})
        elif error:
            _say(f"catsdogs: {error}")
        else:
            print(f"{printable(str(photo))}: " + " | ".join(_answer_line(name, answer, len(answers) > 1)
                                            for name, answer in answers.items()), flush=True)
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    return 1 if failed else 0


def _answer_line(name: str, answer, several: bool) -> str:
    line = f"{display_name(answer.class_name)} ({percent(answer.probability)})"
    return f"{name}: {line}" if several else line


def run_info(options: argparse.Namespace) -> int:
    """``catsdogs info``."""
    from catsdogs.backbone import load_backbone
    from catsdogs.data import find_photos
    from catsdogs.provenance import device_names, versions

    config = load_config()
    photos = find_photos(config, options.data)
    backbone = load_backbone(config, options.weights, shipped=not photos.has_files)
    devices = device_names()
    cached = sum(path.stat().st_size for path in cache_dir().rglob("*") if path.is_file())
    facts = {
        "photos": {"origin": photos.origin, "count": len(photos), "classes": list(photos.class_names),
                   "skipped": dict(photos.skipped)},
        "backbone": {"origin": backbone.origin, "trunk": backbone.fingerprint},
        "checkpoints": {phase: str(checkpoint_path(name)) for phase, name in PHASES.items()
                        if checkpoint_path(name).exists()},
        "models_dir": str(models_dir()), "cache_dir": str(cache_dir()), "cache_bytes": cached,
        "devices": devices, "versions": versions(),
    }
    if options.json:
        print(json.dumps(facts, ensure_ascii=False, indent=1))
        return 0
    lines = [
        ["Fotos", f"{photos.origin}: {len(photos)} de {' e '.join(photos.class_names)}, {len(photos.skipped)} de fora"],
        ["Backbone", backbone.origin],
        *[[f"Checkpoint, fase {phase}", path] for phase, path in facts["checkpoints"].items()],
        ["Grava em", facts["models_dir"]],
        ["Cache", f"{facts['cache_dir']} ({cached / 1e6:.0f} MB)"],
        ["Aparelho", ", ".join(devices)],
        *[[name, value or "não instalado"] for name, value in facts["versions"].items()],
    ]
    width = max(len(name) for name, _ in lines)
    print("\n".join(f"{name.ljust(width)}  {value}" for name, value in lines))
    return 0


def run_check(options: argparse.Namespace) -> int:
    """``catsdogs check``: 1 when training would learn something wrong."""
    from dataclasses import asdict

    from catsdogs.check import check_photos, survey
    from catsdogs.pipeline import prepare

    materials = prepare(load_config(), options.fotos, options.weights)
    found = survey(materials)
    findings = check_photos(found)
    if options.json:
        print(json.dumps({"photos": dict(zip(found.photos.class_names, found.counts.tolist(), strict=True)),
                          "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False, indent=1))
    else:
        counted = zip(found.class_names, found.counts, strict=True)
        print("Fotos que abrem: " + "; ".join(f"{name}, {count}" for name, count in counted) + ".\n")
        _print_checks([row for finding in findings
                       for row in [(finding.status, finding.name, finding.text),
                                   *(("", "", line) for line in _first_files(finding.files))]])
    return 1 if any(finding.status == "erro" for finding in findings) else 0


def _print_checks(rows: Sequence[tuple[str, str, str]]) -> None:
    """A line for each status, name and text, the first two aligned."""
    width = max(len(name) for _, name, _ in rows)
    for status, name, text in rows:
        print(f"{status:<5}  {name:<{width}}  {text}".rstrip())


def _first_files(names: Sequence[str], shown: int = 5) -> list[str]:
    """The first names, and how many more there are."""
    more = len(names) - shown
    return [f"- {name}" for name in names[:shown]] + ([f"- e mais {more}; --json mostra todas"] if more > 0 else [])


def run_extract(options: argparse.Namespace) -> int:
    """``catsdogs extract``."""
    from catsdogs.backbone import load_backbone
    from catsdogs.data import find_photos
    from catsdogs.features import activations, open_cache

    if options.workers is not None and (options.cluster != "local" or options.workers < 1):
        raise CatsdogsError("A opção --workers só vale com `--cluster local`, e com pelo menos 1 processo.")
    config = _config_from(options)
    photos = find_photos(config, options.data)
    if not photos.has_files:
        raise CatsdogsError("Só as ativações que acompanham o repositório estão à mão, e extrair outras exige as "
                            "fotos: conecte-se à internet ou indique uma pasta de fotos com --data.")
    backbone = load_backbone(config, options.weights)
    _say_found(photos, backbone)
    cache = open_cache(photos, backbone, config)
    extracted = sum(stop - start for start, stop in cache.missing())
    if options.cluster is not None:
        from catsdogs.cluster import cluster_activations

        cluster_activations(photos, backbone, config, options.cluster, options.workers)
    else:
        activations(photos, backbone, config)
    facts = {"photos": len(photos), "cached": len(photos) - extracted, "extracted": extracted,
             "folder": str(cache.folder)}
    print(json.dumps(facts, ensure_ascii=False) if options.json else
          f"{facts['photos']} fotos: {facts['cached']} já estavam no cache, {extracted} extraída(s) agora.\n"
          f"Cache: {facts['folder']}")
    return 0


def run_export(options: argparse.Namespace) -> int:
    """``catsdogs export``."""
    from catsdogs.web import ABOUT_FILE, export_web

    about = export_web(options.web)
    print(json.dumps(about, ensure_ascii=False) if options.json else
          f"{about['file']} ({number(about['bytes'] / 1e6, 1)} MB) e {ABOUT_FILE} em {options.web}.")
    return 0


def run_named_experiment(options: argparse.Namespace) -> int:
    """``catsdogs experiment``."""
    from catsdogs.experiments import EXPERIMENTS, factor_names, run_experiment
    from catsdogs.results import factor_value, results_path

    if options.nome not in EXPERIMENTS:
        raise CatsdogsError(f"Não conheço o experimento {options.nome}: escolha entre {', '.join(EXPERIMENTS)}.")
    _say(EXPERIMENTS[options.nome].title)
    rows = run_experiment(options.nome, _prepare(options, load_config()))
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        names = factor_names(EXPERIMENTS[options.nome], rows)
        header = [*names, "divisão", "acurácia (teste)", "AUC (teste)", "perda (teste)"]
        print(plain_table(header, [[*(str(factor_value(row, name)) for name in names), str(row["split"]),
                                    *(number(row[f"test_{key}"]) for key in ("accuracy", "auc", "loss"))]
                                   for row in rows]))
        _say(f"Gravado em {results_path(options.nome)}.")
    return 0


def run_new(options: argparse.Namespace) -> int:
    """``catsdogs new``."""
    from catsdogs.delivery import NOTEBOOK_FILE, start

    start(options.pasta)
    print(f"Repositório começado em {options.pasta}: execute {NOTEBOOK_FILE}, complete o README.md e confira com "
          "`catsdogs check-delivery`.")
    return 0


def run_report(options: argparse.Namespace) -> int:
    """``catsdogs report``."""
    from catsdogs.report import write_report

    write_report(options.pasta)
    print(f"Figuras e números do README.md refeitos em {options.pasta}.")
    return 0


def run_check_delivery(options: argparse.Namespace) -> int:
    """``catsdogs check-delivery``: 1 when something required is missing."""
    from catsdogs.delivery import check_delivery

    checks = check_delivery(options.pasta)
    missing = sum(check.status == "falta" for check in checks)
    if options.json:
        print(json.dumps({"delivered": not missing, "checks": [
            {"name": check.name, "status": check.status, "problems": check.problems} for check in checks]},
            ensure_ascii=False))
    else:
        _print_checks([(check.status, check.name, problem) for check in checks for problem in check.problems or ("",)])
        print(f"\nFalta resolver {missing} de {len(checks)} itens." if missing else "\nEntrega completa.")
    return 1 if missing else 0


def run_assignment(options: argparse.Namespace) -> int:
    """``catsdogs assignment``."""
    from catsdogs.assignment import AUTOGRADER_FILE, SOLUTION_FOLDER, STUDENT_FOLDER, build_assignment

    build_assignment(options.pasta)
    print(f"Em {options.pasta}: {STUDENT_FOLDER}/ para os estudantes; {SOLUTION_FOLDER}/ e {AUTOGRADER_FILE} "
          "para você.")
    return 0


def run_grade(options: argparse.Namespace) -> int:
    """``catsdogs grade``."""
    from catsdogs.grading import grade_all

    if options.jobs < 1 or not options.time_limit > 0:  # nan is neither
        raise CatsdogsError("--jobs e --time-limit precisam ser maiores que zero.")
    try:
        grades = grade_all(options.entregas, options.autograder, options.out, options.jobs, options.time_limit, _say,
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


def run_offline(options: argparse.Namespace) -> int:
    """``catsdogs offline``: 1 when something that the laboratory needs is missing."""
    from catsdogs.offline import SCRIPT_FILE, gather

    items = gather(options.pasta, _say)
    _print_checks([(item.status, item.name, item.text) for item in items])
    missing = any(item.status == "falta" for item in items)
    print("\nFalta alguma coisa; o que já veio fica na pasta." if missing else
          f"\nPasta pronta. Em cada máquina do laboratório: python {options.pasta / SCRIPT_FILE}")
    return 1 if missing else 0
