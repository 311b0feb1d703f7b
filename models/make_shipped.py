"""Make what this folder ships: both checkpoints, run.json, the figures and the bundle.

    python models/make_shipped.py PHOTOS WEIGHTS

PHOTOS is the folder or zip of photos, WEIGHTS the backbone's file; README.md in this
folder says which ones were used.
"""

import sys
from dataclasses import replace

from catsdogs import Config
from catsdogs.pipeline import about, prepare, train
from catsdogs.storage.bundle import bundle_path, save_bundle
from catsdogs.study.attributes import attributes_of

BACKBONE = "MobileNetV2 1.0 pré-treinada na ImageNet com imagens de 224 px, de Keras Applications"
DATA = "3.000 fotos de Cats vs Dogs no arranjo oficial"


def main(photos: str, weights: str) -> None:
    """Train with the challenge's settings and write everything under ``models/`` and ``book/images``."""
    materials = prepare(Config(), photos, weights)
    materials = replace(materials, photos=replace(materials.photos, origin=DATA),
                        backbone=replace(materials.backbone, origin=BACKBONE))
    train(materials, verbose=2)
    save_bundle(bundle_path(), materials.photos, materials.maps, attributes_of(materials.photos),
                {**about(materials), "fingerprint": materials.backbone.fingerprint,
                 "image_size": materials.config.image_size})


if __name__ == "__main__":
    main(*sys.argv[1:])
