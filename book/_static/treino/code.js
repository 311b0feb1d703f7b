// The Keras code that does what the page did.

/** Python for a training with these options, to copy. */
export function kerasCode({ names, units, dropout, rate, epochs, seed }) {
  return `import keras

# Duas pastas, uma por classe: ${names.join(" e ")}.
opcoes = {"image_size": (224, 224), "validation_split": 0.2, "seed": ${seed}}
treino, validacao = keras.utils.image_dataset_from_directory(
    "minhas_fotos", subset="both", **opcoes
)

base = keras.applications.MobileNetV2(
    input_shape=(224, 224, 3), include_top=False, weights="imagenet"
)
base.trainable = False

entrada = keras.Input((224, 224, 3))
x = keras.layers.Rescaling(1 / 127.5, offset=-1)(entrada)
x = base(x, training=False)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dense(${units}, activation="relu")(x)
x = keras.layers.Dropout(${dropout})(x)
saida = keras.layers.Dense(2, activation="softmax")(x)

modelo = keras.Model(entrada, saida)
modelo.compile(
    keras.optimizers.Adam(${rate}),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
modelo.fit(treino, validation_data=validacao, epochs=${epochs})
`;
}
