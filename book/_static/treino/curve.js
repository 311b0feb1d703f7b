// The loss of a training as a drawing that grows.
import { drawing, number } from "../interativo/elements.js";

const [LEFT, TOP, WIDTH, HEIGHT] = [34, 8, 276, 118];
const LINES = { loss: "treino", val_loss: "validação" };

/** An empty drawing in an element; returns a function that adds an epoch of `epochs` to it. */
export function lossCurve(place, epochs) {
  const picture = drawing("svg", { viewBox: "0 0 320 150", role: "img", "aria-label": "Perda por época." });
  const measures = [];
  place.replaceChildren(picture);
  return (epoch) => {
    measures.push(epoch);
    draw(picture, measures, epochs);
  };
}

function draw(picture, measures, epochs) {
  const values = measures.flatMap(({ loss, val_loss: unseen }) => [loss, unseen]);
  const highest = Math.max(...values) || 1;
  const decimals = highest < 0.1 ? 3 : highest < 100 ? 2 : 0; // with wild rates, thousands
  const format = (value) => number(value, decimals);
  const x = (i) => LEFT + WIDTH * (epochs > 1 ? i / (epochs - 1) : 0);
  const y = (value) => TOP + HEIGHT * (1 - value / highest);
  const text = (value, attributes) => drawing("text", attributes, value);
  picture.replaceChildren(
    drawing("path", { class: "eixo", d: `M${LEFT} ${TOP}V${TOP + HEIGHT}H${LEFT + WIDTH}` }),
    text(format(highest), { x: LEFT - 3, y: TOP + 4, class: "fim" }),
    text("0", { x: LEFT - 3, y: TOP + HEIGHT, class: "fim" }),
    text(`época ${epochs}`, { x: LEFT + WIDTH, y: 142, class: "fim" }),
  );
  Object.entries(LINES).forEach(([key, name], line) => {
    const points = measures.map((each, i) => [x(i), y(each[key])]);
    picture.append(
      drawing("polyline", { class: key, points: points.map((point) => point.join(",")).join(" ") }),
      ...points.map(([cx, cy], i) => drawing("circle", { class: key, cx, cy, r: 2.2 },
        drawing("title", {}, `Época ${i + 1}, ${name}: ${format(measures[i][key])}`))),
      text(`${name}: ${format(measures.at(-1)[key])}`, { class: key, x: LEFT + 8 + 110 * line, y: 142 }),
    );
  });
  picture.setAttribute("aria-label", `Perda por época, ${measures.length} de ${epochs}. No treino, de `
    + `${format(measures[0].loss)} a ${format(measures.at(-1).loss)}; na validação, de `
    + `${format(measures[0].val_loss)} a ${format(measures.at(-1).val_loss)}.`);
}
