"""Commands about photos: ``predict``, ``check``, ``info``, ``export``, ``page``."""

import argparse
import json
from pathlib import Path

from catsdogs.cli.options import add_json, add_source, add_weights, new_command
from catsdogs.cli.output import PHASES, first_files, print_checks, say
from catsdogs.config import PHASE2_CHECKPOINT, cache_dir, checkpoint_path, load_config, models_dir
from catsdogs.errors import printable
from catsdogs.text import display_name, number, percent


def add_predict_command(commands) -> None:
    """The options of ``catsdogs predict``."""
    command = new_command(commands, "predict", "diz a classe de uma ou mais fotos", run_predict)
    command.add_argument("fotos", nargs="+", metavar="FOTO", help="arquivo de imagem, ou pasta com imagens")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--phase", choices=[*PHASES, "both"], default="2",
                       help="checkpoint da fase 1, da fase 2 ou os dois lado a lado (padrão: 2)")
    which.add_argument("--checkpoint", type=Path, metavar="ARQUIVO",
                       help="outro checkpoint .keras deste projeto, ou um modelo do Keras com um classes.json ao lado")
    add_json(command)


def run_predict(options: argparse.Namespace) -> int:
    """``catsdogs predict``: 1 when some photo could not be read, after answering for all the others."""
    from catsdogs.predict import Classifier, photos_in, predict_side_by_side

    photos = photos_in(options.fotos)
    phases = list(PHASES) if options.phase == "both" else [options.phase]
    files = {f"fase {phase}": checkpoint_path(PHASES[phase]) for phase in phases}
    if options.checkpoint:
        files = {options.checkpoint.name: options.checkpoint}
    classifiers = {name: Classifier(path, say) for name, path in files.items()}
    rows, failed = [], False
    for photo, given in zip(photos, predict_side_by_side([*classifiers.values()], photos), strict=True):
        answers = dict(zip(classifiers, given, strict=True))
        error, note = given[0].error, given[0].note
        failed = failed or bool(error)
        if options.json:
            rows.append({"photo": str(photo), "error": error} if error else
                        {"photo": str(photo), **({"note": note} if note else {}), "answers": {name: {
                            "class": answer.class_name, "probabilities": answer.probabilities}
                            for name, answer in answers.items()}})
        elif error:
            say(f"catsdogs: {error}")
        else:
            print(f"{printable(str(photo))}: " + " | ".join(answer_line(name, answer, len(answers) > 1)
                                            for name, answer in answers.items()), flush=True)
            if note:
                say(f"catsdogs: {note}")
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    return 1 if failed else 0


def answer_line(name: str, answer, several: bool) -> str:
    """A class and its probability, after the name of the model where there are several."""
    line = f"{display_name(answer.class_name)} ({percent(answer.probability)})"
    return f"{name}: {line}" if several else line


def add_check_command(commands) -> None:
    """The options of ``catsdogs check``."""
    command = new_command(commands, "check", "confere as suas fotos antes do treino e diz o que fazer", run_check)
    command.add_argument("fotos", metavar="PASTA|ZIP", help="pasta ou zip com duas subpastas de fotos, uma por classe")
    add_weights(command)
    add_json(command)


def run_check(options: argparse.Namespace) -> int:
    """``catsdogs check``: 1 when training would learn something wrong."""
    from dataclasses import asdict

    from catsdogs.classroom.check import check_photos, survey
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
        print_checks([row for finding in findings
                       for row in [(finding.status, finding.name, finding.text),
                                   *(("", "", line) for line in first_files(finding.files))]])
    return 1 if any(finding.status == "erro" for finding in findings) else 0


def add_info_command(commands) -> None:
    """The options of ``catsdogs info``."""
    command = new_command(commands, "info", "mostra dados, pesos, aparelho, cache e versões encontrados", run_info)
    add_source(command)
    add_json(command)


def run_info(options: argparse.Namespace) -> int:
    """``catsdogs info``."""
    from catsdogs.backbone import load_backbone
    from catsdogs.data import find_photos
    from catsdogs.storage.provenance import device_names, versions

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


def add_export_command(commands) -> None:
    """The options of ``catsdogs export``."""
    command = new_command(commands, "export", "grava os dois checkpoints como um só modelo para a web", run_export)
    command.add_argument("--web", type=Path, required=True, metavar="PASTA", help="onde gravar o modelo e o que ele é")
    add_json(command)


def run_export(options: argparse.Namespace) -> int:
    """``catsdogs export``."""
    from catsdogs.engines.web import ABOUT_FILE, export_web

    about = export_web(options.web)
    print(json.dumps(about, ensure_ascii=False) if options.json else
          f"{about['file']} ({number(about['bytes'] / 1e6, 1)} MB) e {ABOUT_FILE} em {options.web}.")
    return 0


def add_page_command(commands) -> None:
    """The options of ``catsdogs page``."""
    command = new_command(commands, "page", "faz uma página que classifica fotos com o seu modelo, para publicar",
                          run_page)
    command.add_argument("pasta", type=Path, metavar="PASTA", help="pasta nova ou vazia")
    command.add_argument("--checkpoint", type=Path, metavar="ARQUIVO",
                         help="checkpoint .keras deste projeto, ou um modelo do Keras com um classes.json ao lado "
                              "(padrão: o da fase 2)")
    command.add_argument("--title", default="", metavar="TEXTO", help="título da página (padrão: as duas classes)")
    command.add_argument("--runtime", type=Path, metavar="PASTA",
                         help="a pasta classificador/litert de uma página já feita, para não usar o npm")
    add_json(command)


def run_page(options: argparse.Namespace) -> int:
    """``catsdogs page``."""
    from catsdogs.engines.pages import make_page

    checkpoint = options.checkpoint or checkpoint_path(PHASE2_CHECKPOINT)
    made = make_page(options.pasta, checkpoint, options.title, options.runtime, say)
    print(json.dumps(made, ensure_ascii=False) if options.json else
          f"“{made['title']}” ({number(made['bytes'] / 1e6, 1)} MB) em {options.pasta}. Para ver a página, rode "
          f"`python -m http.server -d {options.pasta}` e abra http://localhost:8000.")
    return 0
