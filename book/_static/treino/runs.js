// What trainings came to, in words. A run is the options of a training and its `right` of `all`, `loss` and `epochs`.
import { number, percent } from "../interativo/elements.js";

export const KNOBS = {
  photos: "fotos", spoiled: "rótulos trocados", units: "unidades", dropout: "dropout", rate: "taxa de aprendizado",
};

/** A value of a knob, as the tables write it. */
export function written(knob, value) {
  return knob === "spoiled" ? `${value}%` : number(value, 6, 0);
}

/** A loss, with the decimals that say something. */
export function lossText(loss) {
  return number(loss, loss < 10 ? 3 : 0);
}

/** Runs → the values of a knob that occur, the lowest first. */
export function valuesOf(runs, knob) {
  return [...new Set(runs.map((run) => run[knob]))].sort((a, b) => a - b);
}

/** What a repetition with other seeds shows; of one run, what it came to. */
export function spread(runs) {
  const shares = runs.map(({ right, all }) => right / all);
  const loss = lossText(mean(runs.map((run) => run.loss)));
  return runs.length === 1 ? `${percent(shares[0])} de acertos, com perda de ${loss}`
    : `${percent(mean(shares))} de acertos em média, de ${percent(Math.min(...shares))} a `
      + `${percent(Math.max(...shares))}, com perda média de ${loss}`;
}

/** One line for each value of a knob. */
export function findings(runs, knob) {
  return valuesOf(runs, knob).map((value) => {
    const text = written(knob, value);
    const named = knob === "photos" ? `${text} fotos` : `${KNOBS[knob]} ${text}`;
    return `${named}: ${spread(runs.filter((run) => run[knob] === value))}.`;
  });
}

/** What the repetition of one training says. */
export function repetition(runs) {
  return `Em ${runs.length} treinos iguais, cada um com outra semente: ${spread(runs)}. Entre dois treinos seus, uma `
    + "diferença menor que essa pode ser só acaso.";
}

/** A run's point on the charts. */
export function pointTitle(run, place) {
  return `Treino ${place}: ${run.right} de ${run.all} acertos (${percent(run.right / run.all)}), perda `
    + `${lossText(run.loss)}; ${run.photos} fotos, dropout ${written("dropout", run.dropout)}, taxa `
    + `${written("rate", run.rate)}, rótulos trocados ${written("spoiled", run.spoiled)}, semente ${run.seed}`;
}

/** A run's cells in the table. */
export function cells(run, place) {
  const given = ["photos", "spoiled", "units", "dropout", "rate"].map((knob) => written(knob, run[knob]));
  return [String(place), percent(run.right / run.all), lossText(run.loss), ...given, String(run.epochs),
    String(run.seed)];
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
