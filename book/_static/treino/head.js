// Training in a worker: the library, and the head that was trained last.
import { describe } from "../experimente/model.js";
import { shrunk } from "../experimente/picture.js";
import { headHeat } from "../experimente/pixels.js";
import { Problem } from "../experimente/problem.js";
import { randomizer, shuffled } from "./random.js";
import { buildHead, softmax, trainHead } from "./train.js";

const SHOWN = 320; // pixels of the longer side of an answered photo
const folder = new URL("./", import.meta.url).href;

let loading; // TensorFlow.js, asked for at the first training
let head;

function library() {
  loading ??= start().catch((error) => {
    loading = undefined;
    console.warn(error);
    throw new Problem("Não consegui carregar o TensorFlow.js: confira a conexão e tente de novo.");
  });
  return loading;
}

async function start() {
  const tf = await self.load(new URL("./library.js", import.meta.url).href);
  tf.setWasmPaths(`${folder}tfjs/`);
  await tf.setBackend("wasm");
  await tf.ready();
  return tf;
}

/** { features: floats, photos one after the other, labels: 0 or 1 of each } → { x, y } tensors. */
function tensors(tf, { features, labels }) {
  return {
    x: tf.tensor2d(features, [labels.length, features.length / labels.length]),
    y: tf.tensor2d(labels.flatMap((label) => [1 - label, label]), [labels.length, 2]),
  };
}

/**
 * Train a new head. Each epoch's measures are reported. Returns the probabilities [photo][class] of the photos of
 * `validation`, and after which epoch it ended.
 */
export async function train(_, { train: given, validation, units, dropout, rate, epochs, seed }, control) {
  const tf = await library();
  tf.dispose(head?.weights.map((weight) => weight.read()));
  head?.optimizer.dispose(); // two more numbers for each weight
  const [seen, unseen] = [tensors(tf, given), tensors(tf, validation)];
  head = buildHead(tf, { features: seen.x.shape[1], units, dropout, rate, seed });
  const random = randomizer(seed);
  const photos = given.labels.map((_, i) => i);
  let ended = 0;
  await trainHead(tf, head, seen, unseen, {
    epochs,
    orders: () => shuffled(photos, random),
    afterEpoch: async (measures) => {
      control.report({ epoch: ++ended, ...measures });
      return control.stopped();
    },
  });
  const probabilities = tf.tidy(() => head.predict(unseen.x).arraySync()).map(softmax);
  tf.dispose([seen, unseen]);
  return { probabilities, epochs: ended };
}

/** Features of photos, one after the other, → scores [photo][class] by the head that was trained last. */
export async function scores(_, { features, photos }) {
  const tf = await library();
  return tf.tidy(() => head.predict(tf.tensor2d(features, [photos, features.length / photos])).arraySync());
}

/** The same → probabilities [photo][class]. */
export async function predict(site, given) {
  return (await scores(site, given)).map(softmax);
}

/** An upright photo → the head's probabilities, heat [row][column] for the second class, and the photo, small. */
export async function answer(site, bitmap) {
  const picture = shrunk(bitmap, SHOWN).transferToImageBitmap();
  const { maps, features } = await describe(site, bitmap);
  const [probabilities] = await predict(site, { features, photos: 1 });
  return { probabilities, heat: headHeat(maps, await weights()), picture };
}

/** The weights of the head that was trained last, as Keras orders them: kernel and bias of both dense layers. */
export async function weights() {
  return head.getWeights().map((weight) => ({ shape: weight.shape, values: weight.dataSync() }));
}
