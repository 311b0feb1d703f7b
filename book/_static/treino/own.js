// The page Treine aqui, first part: a head for the reader's own two classes. Nothing leaves the device.
// `../experimente/` is `catsdogs/engines/browser` of the package, which the build copies there.
import { startWorker } from "../experimente/ask.js";
import { openPhoto } from "../experimente/photo.js";
import { Problem } from "../experimente/problem.js";
import { element } from "../interativo/elements.js";
import { camera } from "./camera.js";
import { classPanel } from "./classes.js";
import { lossCurve } from "./curve.js";
import { options } from "./options.js";
import { randomizer } from "./random.js";
import { renamed, showResult } from "./result.js";
import { enough, sameName, seenBefore, split, warnings } from "./sets.js";
import { addedSentence, epochSentence } from "./words.js";

const page = document.querySelector("#treino");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const say = (text) => { part("status").textContent = text; };
const STOPPABLE_AFTER = 500; // milliseconds

let photos = []; // { label, name, picture, border, features }; another array whenever one comes or goes
let ask; // the worker, started with the first photo
let adding; // an AbortController while photos come in
let queue = Promise.resolve(); // files of both classes, one after the other
let training; // an AbortController while a head is trained
let learned; // the photos of the last training

let lastUsed = 0; // the class that gets what is pasted elsewhere

const video = camera(part("video"));
const panels = [0, 1].map((label) => classPanel(part("class"), label, {
  onFiles: (files) => enqueueFiles(label, files),
  onShoot: () => enqueue([{ label, name: "da câmera", open: () => video.frame() }]),
  onRemove: (photo) => {
    photos = photos.filter((each) => each !== photo);
    refresh();
  },
  onRename: () => {
    refresh();
    renamed();
  },
}));
const names = () => panels.map((panel) => panel.name());

function refresh() {
  panels.forEach((panel, label) => { panel.show(photos.filter((photo) => photo.label === label)); });
  const told = photos.length ? warnings(photos, names()) : [];
  part("warnings").replaceChildren(...told.map((text) => element("li", {}, text)));
  part("changed").hidden = !learned || learned === photos;
  part("train").disabled = Boolean(training) || !enough(photos) || sameName(names());
  part("train").hidden = Boolean(training);
  part("stop-training").hidden = !training;
  part("stop-adding").hidden = !adding;
}

function enqueueFiles(label, files) {
  enqueue(files.map((file) => ({ label, name: file.name, open: () => openPhoto(file) })));
}

function enqueue(items) {
  lastUsed = items[0]?.label ?? lastUsed;
  adding ??= new AbortController();
  const { signal } = adding;
  refresh();
  queue = queue.then(() => addAll(items, signal)).catch(tell);
  const mine = queue;
  queue.then(() => {
    if (queue === mine) {
      adding = undefined;
      refresh();
    }
  });
}

/** Sum up each photo; one that cannot be opened is told and left out. */
async function addAll(items, signal) {
  ask ??= startWorker(new URL("../experimente/", import.meta.url).href);
  const refused = [];
  let added = 0;
  for (const { label, name, open } of items) {
    if (signal.aborted) {
      break;
    }
    say(`Examinando a foto ${added + refused.length + 1} de ${items.length}…`);
    const bitmap = await open().catch((error) => {
      if (!(error instanceof Problem)) {
        throw error;
      }
      refused.push(name);
    });
    if (bitmap) {
      const seen = await ask("../treino/look.look", bitmap, { transfer: [bitmap] });
      photos = [...photos, { label, name, ...seen }];
      added += 1;
      refresh();
    }
  }
  say(addedSentence(items.length, added, refused, signal.aborted));
}

async function train() {
  training = new AbortController();
  const [chosen, used, labels] = [options(page), photos, photos.map((photo) => photo.label)];
  learned = used;
  refresh();
  part("stop-training").disabled = true; // it takes the place of the button pressed: a second tap must not stop all
  setTimeout(() => { part("stop-training").disabled = false; }, STOPPABLE_AFTER);
  part("result").hidden = true;
  say("Carregando o TensorFlow.js…");
  try {
    const parts = split(labels, randomizer(chosen.seed));
    const draw = lossCurve(part("curve"), chosen.epochs);
    const answer = await ask("../treino/head.train", {
      ...chosen, train: gathered(used, parts.train), validation: gathered(used, parts.held),
    }, {
      signal: training.signal,
      onProgress: (measures) => {
        draw(measures);
        say(epochSentence(measures));
      },
    });
    const held = parts.held.map((i, at) => ({ ...used[i], probabilities: answer.probabilities[at] }));
    const seen = seenBefore(used.map((photo) => photo.features), parts);
    const done = { ...chosen, epochs: answer.epochs };
    await showResult(page, { ask, say, names }, { held, seen, chosen: done, photos: used.length });
    say(training.signal.aborted ? `Parei depois da época ${answer.epochs}. O resultado está abaixo.`
      : "Treino pronto. O resultado está abaixo.");
  } catch (error) {
    tell(error);
  }
  training = undefined;
  refresh();
}

function gathered(used, indices) {
  const size = used[0].features.length;
  const features = new Float32Array(indices.length * size);
  indices.forEach((from, to) => { features.set(used[from].features, to * size); });
  return { features, labels: indices.map((i) => used[i].label) };
}

function tell(error) {
  if (!(error instanceof Problem)) {
    console.error(error);
  }
  say(error instanceof Problem ? error.message : "Algo falhou: tente de novo ou recarregue a página.");
}

async function toggleCamera() {
  try {
    await (video.running() ? video.stop() : video.start());
  } catch (error) {
    tell(error);
  }
  part("camera").textContent = video.running() ? "Desligar a câmera" : "Ligar a câmera";
  part("live").hidden = !video.running();
  panels.forEach((panel) => { panel.camera(video.running()); });
}

part("train").addEventListener("click", train);
part("stop-training").addEventListener("click", () => training?.abort());
part("stop-adding").addEventListener("click", () => adding?.abort());
part("camera").addEventListener("click", toggleCamera);
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length && !event.defaultPrevented) {
    enqueueFiles(lastUsed, Array.from(event.clipboardData.files));
  }
});
window.addEventListener("beforeunload", (event) => {
  if (photos.length) {
    event.preventDefault(); // the browser asks whether to leave: the photos are kept nowhere else
  }
});
page.frame = () => video.frame();
page.photos = () => photos; // for the tests
refresh();
