"""The plain Keras way: photos through the whole network in every epoch, as the usual tutorials do.

Same photos, split, batch size, learning rates and number of epochs as the package's road.
"""

from dataclasses import dataclass

import numpy as np

from catsdogs.backbone import load_backbone
from catsdogs.config import Config
from catsdogs.data import Photos, Split
from catsdogs.quiet import keras, tf
from catsdogs.training import build_head


@dataclass
class PlainRun:
    """The whole network, and the photos as Keras is fed with them.

    Attributes:
        model: pixels (n, size, size, 3), 0 to 255 → probabilities (n, 2).
    """

    config: Config
    photos: Photos
    split: Split

    def __post_init__(self):
        keras.utils.set_random_seed(self.config.seed)
        size = self.config.image_size
        self.base = load_backbone(self.config).base
        photo = keras.Input((size, size, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(photo)
        x = keras.layers.GlobalAveragePooling2D()(self.base(x, training=False))
        self.model = keras.Model(photo, build_head(self.config)(x))

    def dataset(self, rows: np.ndarray, shuffle: bool = False) -> tf.data.Dataset:
        """Batches of (pixels, labels), decoded and resized in parallel, as ``image_dataset_from_directory`` does."""
        paths = [str(self.photos.path(row)) for row in rows]
        data = tf.data.Dataset.from_tensor_slices((paths, self.photos.labels[rows]))
        if shuffle:
            data = data.shuffle(len(rows), seed=self.config.seed)
        data = data.map(self._read, num_parallel_calls=tf.data.AUTOTUNE)
        return data.batch(self.config.batch_size).prefetch(tf.data.AUTOTUNE)

    def _read(self, path, label):
        pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(pixels, (self.config.image_size, self.config.image_size)), label

    def phase1(self, epochs: int) -> None:
        """The head alone learns; the frozen base runs again for every photo of every epoch."""
        self.base.trainable = False
        self._fit(self.config.head_learning_rate, epochs)

    def phase2(self, epochs: int) -> None:
        """The last layers learn too; BatchNorm stays frozen."""
        for layer in self.base.layers[-self.config.unfrozen_layers:]:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        self._fit(self.config.fine_tune_learning_rate, epochs)

    def _fit(self, learning_rate: float, epochs: int) -> None:
        self.model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy",
                           metrics=["accuracy"])
        self.model.fit(self.dataset(self.split.train, shuffle=True),
                       validation_data=self.dataset(self.split.validation), epochs=epochs, verbose=2)

    def test_accuracy(self) -> float:
        """The share of right answers on the test photos."""
        answers = self.model.predict(self.dataset(self.split.test), verbose=0).argmax(axis=1)
        return float((answers == self.photos.labels[self.split.test]).mean())
