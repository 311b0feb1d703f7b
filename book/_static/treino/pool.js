// The book's photos in the worker: loaded once, at the first training; then one training at a time on some of them.
import { Problem } from "../experimente/problem.js";
import { choose, gathered, score, unpacked } from "./choice.js";
import { scores, train } from "./head.js";

const folder = new URL("./fotos/", import.meta.url).href;

let loading;

function load() {
  loading ??= fetchAndUnpack().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** What is known of the photos, and their features, floats, photo after photo. Throws a Problem. */
async function fetchAndUnpack() {
  const about = await (await fetched("fotos.json")).json();
  if (typeof DecompressionStream !== "function") {
    throw new Problem("Este navegador é antigo demais para abrir as fotos do livro: atualize-o ou use outro.");
  }
  const bytes = await (await fetched(about.file)).arrayBuffer();
  const size = about.labels.length * about.scales.length;
  const levels = new Uint8Array(bytes.byteLength === size ? bytes : await unzip(bytes)); // some servers unpack it
  if (levels.length !== size) {
    throw new Problem("As fotos do livro chegaram incompletas: recarregue a página e tente de novo.");
  }
  return { about, features: unpacked(levels, about.scales) };
}

async function fetched(name) {
  const answer = await fetch(folder + name).catch(() => null);
  if (!answer) {
    throw new Problem("Não consegui carregar as fotos do livro: confira a conexão e tente de novo.");
  }
  if (!answer.ok) {
    throw new Problem("As fotos do livro não vieram com esta página: instale o Node.js e faça-a de novo.");
  }
  return answer;
}

function unzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer().catch(() => new ArrayBuffer(0));
}

/**
 * Train a head on some of the photos, with options as `choose` and `head.train` take them. Returns what came of the
 * test photos, as `score` has it, after how many epochs, and where the photos and the network come from.
 */
export async function run(site, options, control) {
  const { about, features } = await load();
  const of = (indices) => gathered(features, about.scales.length, indices);
  const parts = choose(about.labels.slice(0, about.train), options);
  const { epochs } = await train(site, {
    ...options,
    train: { features: of(parts.train.photos), labels: parts.train.labels },
    validation: { features: of(parts.validation.photos), labels: parts.validation.labels },
  }, control);
  const labels = about.labels.slice(about.train);
  const given = { features: of(labels.map((_, i) => about.train + i)), photos: labels.length };
  return { ...score(await scores(site, given), labels), epochs, data: about.data, backbone: about.backbone };
}
