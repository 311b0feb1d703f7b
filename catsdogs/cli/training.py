"""Commands that train and measure: ``train``, ``extract``, ``evaluate``, ``verify``, ``experiment``."""

import argparse
import json

from catsdogs.cli.options import (
    NUMBERS,
    add_data,
    add_json,
    add_number,
    add_source,
    config_from,
    new_command,
    prepare_from,
    prepare_trained_from,
)
from catsdogs.cli.output import print_scores, say, say_found
from catsdogs.config import BETTER_CHECKPOINT, RECIPES, load_config
from catsdogs.errors import CatsdogsError
from catsdogs.text import number, plain_table

# Instead of an experiment's name.
ALL = "todos"


def add_train_command(commands) -> None:
    """The options of ``catsdogs train``."""
    command = new_command(commands, "train", "treina as duas fases e grava checkpoints, figuras e run.json", run_train)
    add_source(command)
    command.add_argument("--recipe", choices=RECIPES, default="desafio",
                         help="`desafio`, a do desafio, ou `melhor`, mais demorada, que grava "
                              f"{BETTER_CHECKPOINT} e precisa das fotos (padrão: desafio)")
    command.add_argument("--again", action="store_true", help="treina de novo mesmo que nada tenha mudado")
    for flag in NUMBERS:
        add_number(command, flag)
    add_json(command)


def run_train(options: argparse.Namespace) -> int:
    """``catsdogs train``."""
    materials, verbose = prepare_from(options, config_from(options)), 0 if options.json else 2
    if options.recipe == "melhor":
        from catsdogs.study.recipe import train_and_save

        record = train_and_save(materials, say=say, verbose=verbose)
    else:
        from catsdogs.pipeline import train

        record = train(materials, say=say, verbose=verbose, again=options.again)
    print_scores(record, options.json)
    return 0


def add_extract_command(commands) -> None:
    """The options of ``catsdogs extract``."""
    command = new_command(commands, "extract", "só extrai as ativações das fotos, aqui ou em um cluster, e as guarda",
                          run_extract)
    add_source(command)
    add_number(command, "--image-size")
    command.add_argument("--cluster", metavar="ENDEREÇO|local", help="endereço de um escalonador do Dask, ou `local` "
                         "para um cluster nesta máquina (padrão: extrai sem cluster)")
    command.add_argument("--workers", type=int, metavar="N", help="processos do cluster `local` "
                         "(padrão: um por núcleo)")
    add_json(command)
    command.set_defaults(recipe="desafio")


def run_extract(options: argparse.Namespace) -> int:
    """``catsdogs extract``."""
    from catsdogs.backbone import load_backbone
    from catsdogs.data import find_photos
    from catsdogs.features import activations, open_cache

    if options.workers is not None and (options.cluster != "local" or options.workers < 1):
        raise CatsdogsError("A opção --workers só vale com `--cluster local`, e com pelo menos 1 processo.")
    config = config_from(options)
    photos = find_photos(config, options.data)
    if not photos.has_files:
        raise CatsdogsError("Só as ativações que acompanham o repositório estão à mão, e extrair outras exige as "
                            "fotos: conecte-se à internet ou indique uma pasta de fotos com --data.")
    backbone = load_backbone(config, options.weights)
    say_found(photos, backbone)
    cache = open_cache(photos, backbone, config)
    extracted = sum(stop - start for start, stop in cache.missing())
    if options.cluster is not None:
        from catsdogs.engines.cluster import cluster_activations

        cluster_activations(photos, backbone, config, options.cluster, options.workers)
    else:
        activations(photos, backbone, config)
    facts = {"photos": len(photos), "cached": len(photos) - extracted, "extracted": extracted,
             "folder": str(cache.folder)}
    print(json.dumps(facts, ensure_ascii=False) if options.json else
          f"{facts['photos']} fotos: {facts['cached']} já estavam no cache, {extracted} extraída(s) agora.\n"
          f"Cache: {facts['folder']}")
    return 0


def add_evaluate_command(commands) -> None:
    """The options of ``catsdogs evaluate``."""
    command = new_command(commands, "evaluate", "mede os dois checkpoints na validação e no teste", run_evaluate)
    add_data(command)
    add_json(command)


def run_evaluate(options: argparse.Namespace) -> int:
    """``catsdogs evaluate``."""
    from catsdogs.pipeline import evaluate_checkpoints

    print_scores(evaluate_checkpoints(prepare_trained_from(options)), options.json)
    return 0


def add_verify_command(commands) -> None:
    """The options of ``catsdogs verify``."""
    command = new_command(commands, "verify", "refaz, a partir dos checkpoints, as medidas do registro e as compara",
                          run_verify)
    add_data(command)
    add_json(command)


def run_verify(options: argparse.Namespace) -> int:
    """``catsdogs verify``: 1 when a recorded metric does not hold."""
    from dataclasses import asdict

    from catsdogs.study.verify import verify

    found = verify(prepare_trained_from(options))
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


def add_experiment_command(commands) -> None:
    """The options of ``catsdogs experiment``."""
    command = new_command(commands, "experiment", "repete um experimento do livro, ou todos; o que já foi feito não se "
                          "refaz", run_named_experiment)
    command.add_argument("nome", metavar="NOME", help="nome do experimento, como `repeated_runs`, ou `todos`, que faz "
                         "um depois do outro e, interrompido, continua de onde parou")
    add_source(command)
    add_json(command)


def run_named_experiment(options: argparse.Namespace) -> int:
    """``catsdogs experiment``."""
    from catsdogs.study.experiments import EXPERIMENTS, run_experiment

    if options.nome not in (*EXPERIMENTS, ALL):
        raise CatsdogsError(f"Não conheço o experimento {options.nome}: escolha entre {', '.join(EXPERIMENTS)} ou "
                            f"{ALL}.")
    materials, done = prepare_from(options, load_config()), {}
    for name in EXPERIMENTS if options.nome == ALL else [options.nome]:
        say(EXPERIMENTS[name].title)
        done[name] = run_experiment(name, materials)
        if not options.json:
            print_experiment(name, done[name])
    if options.json:
        print(json.dumps(done if options.nome == ALL else done[options.nome], ensure_ascii=False))
    return 0


def print_experiment(name: str, rows: list[dict]) -> None:
    """An experiment's rows as a table, and where they are kept."""
    from catsdogs.study.experiments import EXPERIMENTS, factor_names
    from catsdogs.study.results import factor_value, results_path

    names = factor_names(EXPERIMENTS[name], rows)
    header = [*names, "divisão", "acurácia (teste)", "AUC (teste)", "perda (teste)"]
    print(plain_table(header, [[*(str(factor_value(row, name)) for name in names), str(row["split"]),
                                *(number(row[f"test_{key}"]) if f"test_{key}" in row else ""
                                  for key in ("accuracy", "auc", "loss"))]
                               for row in rows]))
    say(f"Gravado em {results_path(name)}.")
