// All trainings of this visit as points: a measure by the order of training, or by what was varied.
import { drawing, percent } from "../interativo/elements.js";
import { KNOBS, lossText, pointTitle, valuesOf, written } from "./runs.js";
import { interval } from "./words.js";

const [LEFT, TOP, WIDTH, HEIGHT] = [46, 18, 266, 122];
const LABELS = 8; // below the axis there is room for no more
export const MEASURES = {
  accuracy: { name: "Acertos no teste", of: ({ right, all }) => right / all, ends: [0.5, 1], text: percent },
  loss: { name: "Perda no teste", of: ({ loss }) => loss, ends: [0, 0.1], text: lossText, top: 2 },
};

/** Runs → a drawing of a measure. `by` is a knob or "order"; runs from the place `latest` on stand out. */
export function resultChart(runs, { measure, by, latest }) {
  const { name, of, ends, text, top = Infinity } = MEASURES[measure];
  const values = runs.map(of);
  const [low, highest] = [Math.min(ends[0], ...values), Math.max(ends[1], ...values)];
  const high = Math.min(top, highest); // a wild loss would press the others to the floor
  const places = by === "order" ? runs.map((_, i) => i + 1) : valuesOf(runs, by);
  const x = (run, i) => LEFT + WIDTH * ((by === "order" ? i : places.indexOf(run[by])) + 0.5) / places.length;
  const y = (value) => TOP + HEIGHT * (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low));
  const points = runs.flatMap((run, i) => point({ run, i, left: x(run, i), y, measure, latest }));
  const axis = by === "order" ? "ordem dos treinos" : KNOBS[by];
  return drawing("svg", {
    viewBox: "0 0 320 172", role: "img",
    "aria-label": `${name}, por ${axis}: ${runs.length === 1 ? "um treino" : `${runs.length} treinos`}, de `
      + `${text(Math.min(...values))} a ${text(Math.max(...values))}. Os valores estão na tabela.`,
  },
  drawing("text", { x: LEFT, y: 10 }, name),
  drawing("path", { class: "eixo", d: `M${LEFT} ${TOP}V${TOP + HEIGHT}H${LEFT + WIDTH}` }),
  drawing("text", { x: LEFT - 3, y: TOP + 4, class: "fim" }, high < highest ? `≥ ${high}` : text(high)),
  drawing("text", { x: LEFT - 3, y: TOP + HEIGHT, class: "fim" }, text(low)),
  ...ticks(places, by),
  drawing("text", { x: LEFT + WIDTH, y: 168, class: "fim" }, axis),
  ...points);
}

/** The measure of one run, of accuracy with the interval in which it would lie with other photos. */
function point({ run, i, left, y, measure, latest }) {
  const kind = i >= latest ? "novo" : "velho";
  const [low, high] = interval(run.right, run.all);
  const line = drawing("path", { class: `margem ${kind}`, d: `M${left} ${y(low)}V${y(high)}` });
  const dot = drawing("circle", { class: kind, cx: left, cy: y(MEASURES[measure].of(run)), r: 3.2 },
    drawing("title", {}, pointTitle(run, i + 1)));
  return measure === "accuracy" ? [line, dot] : [dot];
}

/** The values below the axis; of many, some. */
function ticks(places, by) {
  const every = Math.ceil(places.length / LABELS);
  return places.flatMap((value, i) => (i % every ? [] : [drawing("text", {
    x: LEFT + WIDTH * (i + 0.5) / places.length, y: TOP + HEIGHT + 13, class: "meio",
  }, by === "order" ? String(value) : written(by, value))]));
}
