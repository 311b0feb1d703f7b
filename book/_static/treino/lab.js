// The page Treine aqui, second part: trainings on the book's photos, to compare and to predict.
import { startWorker } from "../experimente/ask.js";
import { Problem } from "../experimente/problem.js";
import { element } from "../interativo/elements.js";
import { MEASURES, resultChart } from "./chart.js";
import { lossCurve } from "./curve.js";
import { EXPERIMENTS, repeated, trainings } from "./experiments.js";
import { options } from "./options.js";
import { cells, findings, repetition, written } from "./runs.js";
import { accuracySentence, epochSentence } from "./words.js";

const section = document.querySelector("#laboratorio");
const part = (name) => section.querySelector(`[data-part="${name}"]`);
const field = (name) => section.querySelector(`[name="${name}"]`);
const starters = section.querySelectorAll("[data-start], [data-experiment] button, [data-part=clear]");
const say = (text) => { part("status").textContent = text; };

let ask; // the worker, started with the first training
let training; // an AbortController while heads are trained
let runs = [];
let latest = 0; // the place of the first run that the last command made

/** Train with some options, one after the other; a Problem is told. Returns the new runs, fewer when stopped. */
async function trainAll(list) {
  const pressed = document.activeElement;
  training = new AbortController();
  latest = runs.length;
  part("summary").textContent = "";
  showBusy(true);
  try {
    for (const [i, chosen] of list.entries()) {
      if (!training.signal.aborted) {
        await trainOne(chosen, list.length > 1 ? `Treino ${i + 1} de ${list.length}. ` : "");
      }
    }
    say(training.signal.aborted ? "Parei. O que foi treinado até aqui está nos gráficos e na tabela."
      : "Pronto. O resultado está nos gráficos e na tabela.");
  } catch (error) {
    tell(error);
  }
  const stopFocused = document.activeElement === part("stop");
  training = undefined;
  showBusy(false);
  if (stopFocused) {
    pressed.focus();
  }
  return runs.slice(latest);
}

async function trainOne(chosen, which) {
  say(ask ? `${which}Preparando…` : "Carregando as fotos do livro, cerca de 1 MB…");
  ask ??= startWorker(new URL("../experimente/", import.meta.url).href);
  fill(chosen);
  const draw = lossCurve(part("curve"), chosen.epochs);
  const answer = await ask("../treino/pool.run", chosen, {
    signal: training.signal,
    onProgress: (measures) => {
      draw(measures);
      say(which + epochSentence(measures));
    },
  });
  runs.push({ ...chosen, ...answer });
  showRuns();
}

/** While it trains no other training can be started; who waits with the keyboard waits on the button that stops it. */
function showBusy(busy) {
  const focused = [...starters].includes(document.activeElement);
  part("stop").hidden = !busy;
  if (busy && focused) {
    part("stop").focus();
  }
  starters.forEach((button) => { button.disabled = busy; });
}

function showRuns() {
  part("result").hidden = !runs.length;
  part("rows").replaceChildren(...runs.map((run, i) => element("tr", {}, ...cells(run, i + 1).map((text, column) =>
    (column ? element("td", {}, text) : element("th", { scope: "row" }, text))))));
  if (runs.length) {
    const { right, all, data, backbone } = runs.at(-1);
    part("accuracy").textContent = accuracySentence(right, all, 0);
    part("origin").textContent = `Fotos: uma parte das ${data}. Base: ${backbone}.`;
    part("chart").replaceChildren(...Object.keys(MEASURES).map((measure) =>
      resultChart(runs, { measure, by: field("by").value, latest })));
  }
}

/** Put options into the fields, and beside each slider its value. */
function fill(chosen) {
  for (const [name, value] of Object.entries(chosen)) {
    field(name).value = name === "rate" ? written(name, value) : value;
  }
  showValues();
}

function showValues() {
  for (const slider of section.querySelectorAll("input[type=range]")) {
    const text = written(slider.name, Number(slider.value));
    slider.setAttribute("aria-valuetext", text);
    slider.nextElementSibling.textContent = text;
  }
}

function chosenOptions() {
  const chosen = options(section, ["photos", "spoiled"]);
  fill(chosen);
  return chosen;
}

async function repeat() {
  const made = await trainAll(repeated(chosenOptions(), 5));
  if (made.length > 1) {
    part("summary").textContent = repetition(made);
  }
}

/** The reader has predicted: train what the experiment says, and show beside the prediction what came of it. */
async function experiment(place) {
  const prediction = place.querySelector("input:checked");
  if (!prediction) {
    say("Antes de treinar, escolha uma das respostas: sem uma previsão sua, o resultado ensina menos.");
    place.querySelector("input").focus();
    return;
  }
  const found = place.querySelector("[data-part=found]");
  found.hidden = true;
  const { varied } = EXPERIMENTS[place.dataset.experiment];
  field("by").value = varied;
  const list = trainings(EXPERIMENTS[place.dataset.experiment]);
  const made = await trainAll(list);
  if (made.length === list.length) {
    const predicted = prediction.parentElement.textContent.trim();
    place.querySelector("[data-part=prediction]").textContent = `Você previu: “${predicted}” E saiu:`;
    place.querySelector("[data-part=findings]").replaceChildren(
      ...findings(made, varied).map((text) => element("li", {}, text)));
    found.hidden = false;
  }
}

function tell(error) {
  if (!(error instanceof Problem)) {
    console.error(error);
  }
  say(error instanceof Problem ? error.message : "Algo falhou: tente de novo ou recarregue a página.");
}

function listen(button, action) {
  button.addEventListener("click", () => training || action());
}

listen(part("train"), () => trainAll([chosenOptions()]));
listen(part("repeat"), repeat);
listen(part("clear"), () => {
  runs = [];
  showRuns();
  part("curve").replaceChildren();
  say("Os resultados foram apagados.");
  part("train").focus();
});
section.querySelectorAll("[data-experiment]").forEach((place) => {
  listen(place.querySelector("button"), () => experiment(place));
});
part("stop").addEventListener("click", () => training?.abort());
section.addEventListener("input", showValues);
field("by").addEventListener("change", showRuns);
showValues();
