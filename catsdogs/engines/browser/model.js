// The model in a worker: a photo goes in, probabilities, heat and maps come out.
import { nested, pooled, resize } from "./pixels.js";
import { overWhite, shrunk } from "./picture.js";
import { Problem } from "./problem.js";

const MAX_CANVAS_PIXELS = 16e6; // the largest canvas that every phone gives
const SHOWN = 480; // pixels of the longer side of a photo that a page shows

let loading; // a promise, so that the files are asked for once, at the first photo

/** What is known of the model, the model, and LiteRT's tensors. `folder` ends in a slash. Throws a Problem. */
function load(folder) {
  loading ??= fetchAndCompile(folder).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function fetchAndCompile(folder) {
  const answer = await fetch(`${folder}modelo.json`).catch(() => ({ ok: false }));
  if (!answer.ok) {
    throw new Problem("O modelo não veio com esta página: instale o Node.js e faça-a de novo.");
  }
  const about = await answer.json();
  try {
    const { loadLiteRt, loadAndCompile, Tensor } = await self.load(`${folder}litert/index.js`);
    self.Module = { locateFile: (name) => `${folder}litert/wasm/${name}` }; // else it looks beside the worker
    await loadLiteRt(`${folder}litert/wasm/`);
    return { about, Tensor, model: await loadAndCompile(folder + about.file, { accelerator: "wasm" }) };
  } catch (error) {
    console.warn(error);
    throw new Problem("Não consegui carregar o modelo: confira a conexão e tente de novo.");
  }
}

/** What the page must know of the model. Throws a Problem. */
export async function about(folder) {
  return (await load(folder)).about;
}

/**
 * An upright photo → probabilities [model][class], heat [model][row][column] for the second class, and the photo as an
 * ImageBitmap to show.
 */
export async function classify(folder, bitmap) {
  const picture = shrunk(bitmap, SHOWN).transferToImageBitmap();
  const { probabilities, heat } = await run(folder, bitmap);
  return {
    probabilities: nested(probabilities.values, probabilities.shape), heat: nested(heat.values, heat.shape), picture,
  };
}

/** An upright photo → what ImageNet's network says of it: maps, positions × channels floats, and their mean. */
export async function describe(folder, bitmap) {
  const { maps } = await run(folder, bitmap);
  return { maps: maps.values, features: pooled(maps.values, maps.shape.at(-1)) };
}

/** An upright photo → the 1,280 numbers in which ImageNet's network sums it up. */
export async function features(folder, bitmap) {
  return (await describe(folder, bitmap)).features;
}

/** The model's outputs, told apart by their shapes: their order is not fixed. */
async function run(folder, bitmap) {
  const { about, model, Tensor } = await load(folder);
  const size = about.image_size;
  const input = new Tensor(resized(bitmap, size), [1, size, size, 3]);
  const outputs = await model.run([input]);
  input.delete();
  const found = {};
  for (const output of outputs) {
    const shape = Array.from(output.type.layout.dimensions).slice(1);
    const name = shape.length === 2 ? "probabilities" : shape[0] === about.models.length ? "heat" : "maps";
    found[name] = { shape, values: output.toTypedArray().slice() };
    output.delete();
  }
  return found;
}

/** A photo as the model takes it; the bitmap is closed. */
function resized(bitmap, size) {
  const canvas = overWhite(bitmap, Math.min(1, Math.sqrt(MAX_CANVAS_PIXELS / (bitmap.width * bitmap.height))));
  bitmap.close();
  const { width, height } = canvas;
  return resize(canvas.getContext("2d").getImageData(0, 0, width, height).data, width, height, size);
}
