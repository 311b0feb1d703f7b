// A page that classifies photos: each goes through the model in this browser, and nowhere else.
import { startWorker } from "./ask.js";
import { openPhoto } from "./photo.js";
import { drawHeat, drawPhoto } from "./picture.js";
import { Problem } from "./problem.js";

const folder = new URL("./", import.meta.url).href;
const page = document.querySelector("#classificador");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const percent = (share) => `${(100 * share).toLocaleString("pt-BR", {
  minimumFractionDigits: 1, maximumFractionDigits: 1,
})}%`;

let ask;

/** Probabilities [model][class], heat [model][row][column] for the second class, what is known of it, milliseconds. */
async function classify(blob) {
  if (typeof WebAssembly !== "object" || typeof OffscreenCanvas !== "function") {
    throw new Problem("Este navegador é antigo demais para rodar o modelo: atualize-o ou use outro.");
  }
  ask ??= startWorker(folder);
  const about = await ask("model.about");
  const bitmap = await openPhoto(blob);
  const start = performance.now();
  const answer = await ask("model.classify", bitmap, { transfer: [bitmap] });
  return { ...answer, about, milliseconds: performance.now() - start };
}

function showAnswer({ about, probabilities, heat, picture, milliseconds }) {
  drawPhoto(part("photo"), picture);
  drawPhoto(part("heat"), picture);
  const last = probabilities.at(-1);
  const winner = last[1] > last[0] ? 1 : 0;
  const by = about.models.length > 1 ? ` na ${about.models.at(-1).toLowerCase()}` : "";
  part("verdict").textContent = `${about.classes[winner]}, com ${percent(last[winner])}${by}.`;
  part("time").textContent = `${Math.round(milliseconds)} ms neste dispositivo.`;
  about.classes.forEach((name, index) => { part(`class${index}`).textContent = name; });
  part("rows").replaceChildren(...probabilities.map((row, index) => tableRow(about.models[index], row)));
  drawHeat(part("heat"), heat.at(-1), winner === 1 ? 1 : -1);
  part("heat").setAttribute("aria-label", `A foto com as regiões que falam por ${about.classes[winner]} em laranja.`);
  part("answer").hidden = false;
}

/** A model's name and its probabilities, each with a bar. */
function tableRow(name, probabilities) {
  const row = document.createElement("tr");
  const head = row.appendChild(document.createElement("th"));
  head.scope = "row";
  head.textContent = name;
  for (const probability of probabilities) {
    const bar = document.createElement("meter");
    bar.value = probability;
    bar.setAttribute("aria-hidden", "true");
    const text = document.createElement("span");
    text.textContent = percent(probability);
    row.appendChild(document.createElement("td")).append(bar, " ", text);
  }
  return row;
}

async function answer(blob) {
  part("status").textContent = "Examinando a foto…";
  part("answer").hidden = true;
  try {
    showAnswer(await classify(blob));
    part("status").textContent = "";
  } catch (error) {
    if (!(error instanceof Problem)) {
      console.error(error);
    }
    part("status").textContent = error instanceof Problem ? error.message
      : "Algo falhou ao examinar a foto: tente outra ou recarregue a página.";
  }
}

async function fetched(name) {
  const response = await fetch(folder + name).catch(() => ({ ok: false }));
  return response.ok ? response.blob() : new Blob(); // the worker then says what is missing
}

/** Answer for the photo that an input has, which then forgets it, so that the same one can be chosen again. */
function take(input) {
  const file = input.files?.[0];
  input.value = "";
  if (file) {
    answer(file);
  }
}

page.addEventListener("change", (event) => take(event.target));
page.querySelectorAll("input").forEach(take); // what was chosen while this script was on its way
page.addEventListener("click", async (event) => {
  const sample = event.target.closest("[data-sample]");
  if (sample) {
    answer(await fetched(sample.dataset.sample));
  }
});
page.addEventListener("dragover", (event) => event.preventDefault());
for (const [target, kind, files] of [[page, "drop", (event) => event.dataTransfer],
  [document, "paste", (event) => event.clipboardData]]) {
  target.addEventListener(kind, (event) => {
    const file = files(event)?.files?.[0];
    if (file) {
      event.preventDefault();
      answer(file);
    }
  });
}

page.classify = classify; // for the tests
