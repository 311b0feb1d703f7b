// A slider over the probabilities of the test photos: what each threshold would answer.

import { confusion, curve, rates, reach } from "./confusion.js";
import { element, number, percent } from "./elements.js";
import { rocCurve } from "./roc.js";

const STEPS = 100;

/** Put the figure into its place, whose `data-` holds probabilities (n), labels (n) and the names of both classes. */
export function start(place) {
  const keys = ["probabilities", "labels", "names"];
  const [probabilities, labels, names] = keys.map((key) => JSON.parse(place.dataset[key]));
  const at = (threshold) => confusion(probabilities, labels, threshold);
  const slider = element("input", { type: "range", min: 0, max: 1, step: 1 / STEPS, value: 0.5 });
  const shown = element("output", { "aria-live": "off" }); // the slider itself says its value
  const status = element("p", { role: "status" });
  const matrix = confusionTable(names);
  const measures = element("ul");
  const inner = Array.from({ length: STEPS - 1 }, (_, i) => rates(at((i + 1) / STEPS)));
  const roc = rocCurve(curve(probabilities, labels), reach(inner));

  function update() {
    const counts = at(Number(slider.value));
    const threshold = number(slider.value, 2);
    slider.setAttribute("aria-valuetext", threshold);
    shown.textContent = threshold;
    status.textContent = `Limiar ${threshold}: ${told(counts, names)}`;
    matrix.fill(counts);
    const seen = roc.move(rates(counts));
    measures.replaceChildren(...measured(counts, names, seen).map((text) => element("li", {}, text)));
  }

  slider.addEventListener("input", update);
  place.replaceChildren(
    element("p", { class: "interativo-slider" }, element("label", {}, "Limiar ", slider), shown),
    status,
    element("div", { class: "interativo-answers" }, element("div", {}, matrix.table, measures), roc.figure));
  update();
}

/** The errors of each class, in words. */
export function told([[, wrongFirst], [wrongSecond]], names) {
  const errors = wrongFirst === 1 ? "1 erro" : `${wrongFirst} erros`;
  return `${errors} em fotos de ${names[0]} e ${wrongSecond} em fotos de ${names[1]}.`;
}

/** Precision, recall and the point of the curve, in words; `seen` when the drawing shows the point. */
export function measured(counts, names, seen) {
  const [[, wrong], [missed, found]] = counts;
  const answers = wrong + found;
  const precision = answers ? `${percent(found / answers)} (${found} de ${answers} respostas “${names[1]}”)`
    : `não há respostas “${names[1]}”`;
  const [wrongShare, foundShare] = rates(counts);
  return [`Precisão: ${precision}`,
    `Recall: ${percent(foundShare)} (${found} de ${missed + found} fotos de ${names[1]})`,
    `Ponto da ROC: falsos positivos ${number(wrongShare, 3)}, verdadeiros positivos ${number(foundShare, 3)}`
      + `${seen ? "" : " (fora do canto mostrado)"}`];
}

/** An empty table, and how to fill it with counts. */
function confusionTable(names) {
  const cells = [0, 1].map(() => [0, 1].map(() => element("td")));
  const head = (text, scope) => element("th", { scope }, text);
  const table = element("table", {},
    element("caption", {}, "Matriz de confusão"),
    element("thead", {}, element("tr", {}, element("td"), ...names.map((name) => head(`diz ${name}`, "col")))),
    element("tbody", {}, ...cells.map((row, i) => element("tr", {}, head(`é ${names[i]}`, "row"), ...row))));
  const fill = (counts) => {
    cells.flat().forEach((cell, i) => { cell.textContent = counts.flat()[i]; });
  };
  return { table, fill };
}
