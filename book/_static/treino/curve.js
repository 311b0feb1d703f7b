// The loss of a training as a drawing that grows.
import { number } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const [LEFT, TOP, WIDTH, HEIGHT] = [34, 8, 276, 118];
const LINES = { loss: "treino", val_loss: "validação" };

/** An empty drawing in an element; returns a function that adds an epoch of `epochs` to it. */
export function lossCurve(element, epochs) {
  const drawing = add(null, "svg", { viewBox: "0 0 320 150", role: "img", "aria-label": "Perda por época." });
  const measures = [];
  element.replaceChildren(drawing);
  return (epoch) => {
    measures.push(epoch);
    draw(drawing, measures, epochs);
  };
}

function draw(drawing, measures, epochs) {
  const values = measures.flatMap(({ loss, val_loss: unseen }) => [loss, unseen]);
  const highest = Math.max(...values) || 1;
  const format = number(highest < 0.1 ? 3 : 2).format;
  const x = (i) => LEFT + WIDTH * (epochs > 1 ? i / (epochs - 1) : 0);
  const y = (value) => TOP + HEIGHT * (1 - value / highest);
  drawing.replaceChildren();
  add(drawing, "path", { class: "eixo", d: `M${LEFT} ${TOP}V${TOP + HEIGHT}H${LEFT + WIDTH}` });
  add(drawing, "text", { x: LEFT - 3, y: TOP + 4, class: "fim" }, format(highest));
  add(drawing, "text", { x: LEFT - 3, y: TOP + HEIGHT, class: "fim" }, "0");
  add(drawing, "text", { x: LEFT + WIDTH, y: 142, class: "fim" }, `época ${epochs}`);
  for (const [key, name] of Object.entries(LINES)) {
    const points = measures.map((each, i) => [x(i), y(each[key])]);
    add(drawing, "polyline", { class: key, points: points.map((point) => point.join(",")).join(" ") });
    points.forEach(([left, top], i) => {
      const dot = add(drawing, "circle", { class: key, cx: left, cy: top, r: 2.2 });
      add(dot, "title", {}, `Época ${i + 1}, ${name}: ${format(measures[i][key])}`);
    });
    add(drawing, "text", { class: key, x: LEFT + 8 + (key === "loss" ? 0 : 110), y: 142 },
      `${name}: ${format(measures.at(-1)[key])}`);
  }
  drawing.setAttribute("aria-label", `Perda por época, ${measures.length} de ${epochs}. No treino, de `
    + `${format(measures[0].loss)} a ${format(measures.at(-1).loss)}; na validação, de `
    + `${format(measures[0].val_loss)} a ${format(measures.at(-1).val_loss)}.`);
}

function add(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => { element.setAttribute(key, value); });
  if (text !== undefined) {
    element.textContent = text;
  }
  parent?.append(element);
  return element;
}
