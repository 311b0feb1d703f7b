// The ROC curve as a drawing, its best corner alone when all happens there.

import { drawing, element, number } from "./elements.js";

const SIDE = 240; // of the square, in the drawing's units
const LEFT = 52;
const BOTTOM = 44;
const MARGIN = 12;

/** The figure of a curve, a point being [false, true positives], and how to move its mark: it tells whether seen. */
export function rocCurve(points, reach) {
  const across = (wrong) => SIDE * wrong / reach;
  const down = (found) => SIDE * (1 - found) / reach;
  const line = points.map(([wrong, found]) => `${across(wrong)},${down(found)}`).join(" ");
  const mark = drawing("circle", { r: 7, class: "interativo-mark" });
  const square = { x: LEFT, y: MARGIN, width: SIDE, height: SIDE }; // hides what leaves it
  const picture = drawing("svg", { role: "img", viewBox: `0 0 ${LEFT + SIDE + 20} ${MARGIN + SIDE + BOTTOM}` },
    drawing("rect", { ...square, class: "interativo-frame" }),
    ...ticks(reach, across, down), ...titles(),
    drawing("svg", square, drawing("polyline", { points: line, class: "interativo-curve" })), mark);
  const caption = element("figcaption", {}, `ROC${reach < 1 ? " (canto superior esquerdo)" : ""}`);

  function move([wrong, found]) {
    mark.setAttribute("cx", LEFT + Math.min(across(wrong), SIDE));
    mark.setAttribute("cy", MARGIN + Math.min(down(found), SIDE));
    picture.setAttribute("aria-label", `Curva ROC, com o ponto do limiar em falsos positivos ${number(wrong, 3)} e `
      + `verdadeiros positivos ${number(found, 3)}.`);
    return wrong <= reach && 1 - found <= reach;
  }

  return { figure: element("figure", {}, caption, picture), move };
}

/** Three numbers along each axis. */
function ticks(reach, across, down) {
  return [0, reach / 2, reach].flatMap((share) => [
    text(LEFT + across(share), MARGIN + SIDE + 16, number(share, 1), { "text-anchor": "middle" }),
    text(LEFT - 10, MARGIN + down(1 - share) + 4, number(1 - share, 1), { "text-anchor": "end" })]);
}

function titles() {
  const middle = MARGIN + SIDE / 2;
  return [text(LEFT + SIDE / 2, MARGIN + SIDE + 36, "Falsos positivos (fração)", { "text-anchor": "middle" }),
    text(16, middle, "Verdadeiros positivos (fração)",
      { "text-anchor": "middle", transform: `rotate(-90 16 ${middle})` })];
}

function text(x, y, words, attributes) {
  return drawing("text", { x, y, ...attributes }, words);
}
