"""Options that several commands share, and what follows from them."""

import argparse
from dataclasses import replace
from pathlib import Path

from catsdogs.cli.output import say_found
from catsdogs.config import MIN_IMAGE_SIZE, BetterConfig, Config, load_config
from catsdogs.errors import CatsdogsError
from catsdogs.storage.limits import MAX_IMAGE_SIZE
from catsdogs.text import integer

# Option → the field of Config, what it means, its least and most value.
NUMBERS = {
    "--image-size": ("image_size", "lado da imagem que entra na rede, em pixels", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE),
    "--epochs": ("head_epochs", "máximo de épocas da fase 1", 1, 10_000),
    "--fine-tune-epochs": ("fine_tune_epochs", "máximo de épocas da fase 2", 1, 10_000),
    "--unfrozen-layers": ("unfrozen_layers", "quantas das últimas camadas a fase 2 treina", 1, 1_000),
    "--batch-size": ("batch_size", "fotos por passo", 1, 100_000),
    "--seed": ("seed", "semente da divisão e do treino", 0, 2**32 - 1),
}


def new_command(commands, name: str, meaning: str, run) -> argparse.ArgumentParser:
    """A command that calls ``run`` with its options; ``meaning`` is its help, in Portuguese."""
    command = commands.add_parser(name, help=meaning, description=meaning[0].upper() + meaning[1:] + ".")
    command.set_defaults(run=run)
    return command


def add_number(command, flag: str) -> None:
    """One of ``NUMBERS``."""
    field, meaning, _, _ = NUMBERS[flag]
    command.add_argument(flag, dest=field, type=int, metavar="N",
                         help=f"{meaning} (padrão do desafio: {getattr(Config, field)})")


def add_source(command) -> None:
    """Which photos and weights to train on."""
    command.add_argument("--data", metavar="PASTA|ZIP", help="pasta ou zip com duas subpastas de fotos, uma por classe "
                         "(padrão: as fotos oficiais; sem rede, as ativações do repositório)")
    add_weights(command)


def add_data(command) -> None:
    """Which photos a trained checkpoint is measured on."""
    command.add_argument("--data", metavar="PASTA|ZIP", help="as fotos do treino (padrão: para os checkpoints do "
                         "repositório, as ativações que os acompanham; para outros, as fotos oficiais)")


def add_weights(command) -> None:
    """Which weights the backbone gets."""
    command.add_argument("--weights", metavar="ARQUIVO", help="pesos da MobileNetV2 sem classificador "
                         "(padrão: os da ImageNet, que vêm no repositório; sem ele, o Keras os baixa)")


def add_repository(command) -> None:
    """The student's repository."""
    command.add_argument("pasta", type=Path, nargs="?", default=Path("."), metavar="PASTA",
                         help="o seu repositório, começado com `catsdogs new` (padrão: a pasta atual)")


def add_json(command) -> None:
    """Whether the result is printed as JSON."""
    command.add_argument("--json", action="store_true", help="escreve o resultado em JSON na saída padrão")


def config_from(options: argparse.Namespace) -> Config:
    """The settings that the options ask for; raises CatsdogsError where a number is out of its range."""
    given = {}
    for flag, (field, _, least, most) in NUMBERS.items():
        value = getattr(options, field, None)
        if value is not None and not least <= value <= most:
            raise CatsdogsError(f"{flag} não pode ser {value}: use um número de {integer(least)} a {integer(most)}.")
        if value is not None:
            given[field] = value
    return replace(BetterConfig() if options.recipe == "melhor" else load_config(), **given)


def prepare_from(options: argparse.Namespace, config: Config):
    """What training starts from, told to the user."""
    from catsdogs.pipeline import prepare

    materials = prepare(config, options.data, options.weights)
    say_found(materials.photos, materials.backbone)
    return materials


def prepare_trained_from(options: argparse.Namespace):
    """What the checkpoints were trained on, told to the user."""
    from catsdogs.pipeline import prepare_trained

    materials = prepare_trained(options.data)
    say_found(materials.photos, materials.backbone)
    return materials
