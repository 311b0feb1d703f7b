"""What phase 2 runs on: one device or several of this machine, in 32 bits or partly in 16."""

import contextlib
from dataclasses import dataclass
from functools import cache

from catsdogs.errors import CatsdogsError
from catsdogs.quiet import keras, tf


def device_names() -> list[str]:
    """The devices that TensorFlow sees, such as ``["CPU", "GPU NVIDIA A100"]``."""
    found = []
    for device in tf.config.list_physical_devices():
        model = tf.config.experimental.get_device_details(device).get("device_name", "")
        found.append(f"{device.device_type} {model}".strip())
    return found


@dataclass(frozen=True)
class Hardware:
    """What a training runs on; by default one device, in 32 bits.

    Attributes:
        devices: how many of them take a share of every batch: GPUs or, where there is none, the
            logical CPUs that ``tf.config.set_logical_device_configuration`` made.
        mixed_precision: compute in 16 bits, float16 on a GPU and bfloat16 on a CPU; weights and
            probabilities stay in float32.

    The result is that of one device up to rounding and to the units that dropout draws; a last step
    with fewer photos gives those of one device a little more weight when the shares differ. Early stopping
    needs Keras 3.12 or so: 3.8 reports the validation loss of one device's share.

    Raises:
        CatsdogsError: there are not so many devices.
    """

    devices: int = 1
    mixed_precision: bool = False

    def __post_init__(self):
        if self.devices < 1:
            raise CatsdogsError(f"Não dá para treinar em {self.devices} aparelhos: use --devices 1 ou mais.")
        # Asking for the devices settles them: a process on one device may still change its own.
        if self.devices > 1 and self.devices > len(_names()):
            raise CatsdogsError(f"Não há {self.devices} aparelhos para treinar, só {len(_names())} "
                                f"({_kind()}): use --devices {len(_names())}.")

    def scope(self) -> contextlib.AbstractContextManager:
        """Where ``learner`` must be called and compiled."""
        return _strategy(_names()[:self.devices]).scope() if self.devices > 1 else contextlib.nullcontext()

    def learner(self, model: keras.Model) -> keras.Model:
        """What to train in the place of ``model``: itself by default, else a copy with the same weights.

        Training a copy keeps the strategy and the 16 bits out of the model, and so out of checkpoints.
        """
        if self == ONE_DEVICE:
            return model
        copy = keras.models.clone_model(model, clone_function=self._copy_layer, recursive=True)
        copy.set_weights(model.get_weights())
        if self.mixed_precision:
            copy.dtype_policy = keras.DTypePolicy(_policy())  # by it, Keras scales the loss in float16
        return copy

    def _copy_layer(self, layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if self.mixed_precision and config.get("activation") != "softmax":
            config["dtype"] = _policy()
        return type(layer).from_config(config)

    def check_shares(self, photos: int, batch_size: int) -> None:
        """Raise CatsdogsError unless Keras can share these steps: the first equally, the last with photos for all."""
        first, last = min(photos, batch_size), photos % batch_size or batch_size
        if first % self.devices or last < self.devices:
            raise CatsdogsError(f"{photos} fotos em passos de {batch_size} não se repartem por {self.devices} "
                                f"aparelhos: use outro --batch-size, múltiplo de {self.devices}.")


ONE_DEVICE = Hardware()


def _kind() -> str:
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"


def _names() -> tuple[str, ...]:
    return tuple(device.name for device in tf.config.list_logical_devices(_kind()))


def _policy() -> str:
    return "mixed_float16" if _kind() == "GPU" else "mixed_bfloat16"


@cache
def _strategy(names: tuple[str, ...]) -> tf.distribute.Strategy:
    """One strategy for all trainings on these devices: a second one would mix its messages with the first's."""
    return tf.distribute.MirroredStrategy(names)
