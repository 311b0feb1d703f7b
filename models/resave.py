"""Write the shipped checkpoints again with the Keras of this environment.

    python models/resave.py

Keras opens files of older versions but not of newer ones, so the files in the repository
are saved with the oldest Keras that the package supports. The weights stay the same.
"""

from catsdogs.backbone import new_base
from catsdogs.checkpoint import read_metadata, save_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, Config, shipped_models_dir
from catsdogs.training import assemble, build_head


def main() -> None:
    """Rebuild each model from its settings, load its weights, and save it in place."""
    for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT):
        path = shipped_models_dir() / name
        metadata = read_metadata(path)
        config = Config(**metadata["config"])
        base = new_base(config.image_size)
        base.trainable = False
        model = assemble(base, build_head(config), config)
        model.load_weights(path)
        save_checkpoint(model, path, metadata.pop("class_names"), metadata)


if __name__ == "__main__":
    main()
