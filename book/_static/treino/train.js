// The head of the book, in TensorFlow.js, almost word for word as in Keras.

/**
 * The same head as in phase 1: features in, one score a class out. The softmax stays outside, where a loss that is
 * computed from scores still teaches when the answers are as sure as they can be; Keras finds the scores by itself.
 */
export function buildHead(tf, { features, units, dropout, rate, seed }) {
  const start = (number) => tf.initializers.glorotUniform({ seed: seed + number });
  const head = tf.sequential();
  head.add(tf.layers.dense({
    units, activation: "relu", inputShape: [features], kernelInitializer: start(1),
  }));
  head.add(tf.layers.dropout({ rate: dropout, seed }));
  head.add(tf.layers.dense({ units: 2, kernelInitializer: start(2) }));
  head.compile({
    optimizer: tf.train.adam(rate), loss: (labels, scores) => tf.losses.softmaxCrossEntropy(labels, scores),
    metrics: ["accuracy"],
  });
  return head;
}

/** The scores of one photo → its probabilities. */
export function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * Train for some epochs, each in another order. `train` and `validation` are { x, y } tensors; `afterEpoch` gets
 * loss, accuracy, val_loss and val_accuracy, and ends the training by answering true.
 */
export async function trainHead(tf, head, train, validation, { epochs, orders, afterEpoch }) {
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = tf.tensor1d(orders(), "int32");
    const [x, y] = [tf.gather(train.x, order), tf.gather(train.y, order)];
    const { history } = await head.fit(x, y, {
      epochs: 1, batchSize: 32, shuffle: false, yieldEvery: "never",
      validationData: [validation.x, validation.y],
    });
    tf.dispose([order, x, y]);
    const ended = await afterEpoch({
      loss: history.loss[0], accuracy: history.acc[0],
      val_loss: history.val_loss[0], val_accuracy: history.val_acc[0],
    });
    if (ended) {
      return;
    }
  }
}
