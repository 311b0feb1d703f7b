// What came of a training: how it did on the photos held out, a new photo, the code, the head to take along.
import { openPhoto } from "../experimente/photo.js";
import { drawHeat, drawPhoto } from "../experimente/picture.js";
import { Problem } from "../experimente/problem.js";
import { element } from "../interativo/elements.js";
import { kerasCode } from "./code.js";
import { headFile } from "./take.js";
import { accuracySentence, percent } from "./words.js";

let shown; // the result on the page, and { ask, say, names } of who trained

/**
 * Show a result below the page's curve. `names` is a function: a class may get another name later. `held` are the
 * photos held out, with their probabilities; `seen`, how many of them nearly stand among those learned from.
 */
export async function showResult(page, trainer, { held, seen, chosen, photos }) {
  const part = (name) => page.querySelector(`[data-part="${name}"]`);
  const wrong = held.filter(({ label, probabilities }) => probabilities[1 - label] > probabilities[label]);
  const right = held.length - wrong.length;
  part("accuracy").textContent = accuracySentence(right, held.length, seen);
  const about = { photos, right, all: held.length, ...chosen };
  const first = !shown;
  shown = { part, wrong, chosen, about, trainer, weights: await trainer.ask("../treino/head.weights") };
  part("answer").hidden = true;
  part("result").hidden = false;
  renamed();
  if (first) {
    listen(page, part);
  }
}

/** Write what has the classes' names in it. */
export function renamed() {
  if (!shown) {
    return;
  }
  const { part, wrong, chosen, about, trainer, weights } = shown;
  const names = trainer.names();
  part("confused").replaceChildren(...wrong.map((photo) => confusedPhoto(photo, names)));
  part("code").textContent = kerasCode({ names, ...chosen });
  URL.revokeObjectURL(part("download").href);
  part("download").href = URL.createObjectURL(headFile({ names, ...about }, weights));
}

function confusedPhoto({ picture, label, probabilities }, names) {
  const canvas = element("canvas", { role: "img", "aria-label": `Foto de ${names[label]}` });
  drawPhoto(canvas, picture);
  const said = `${names[1 - label]}, com ${percent(probabilities[1 - label])}`;
  return element("li", {}, canvas, ` É ${names[label]}, e a rede disse ${said}.`);
}

function listen(page, part) {
  part("try").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) {
      await show(part, () => openPhoto(file));
      shown.trainer.say(part("verdict").textContent);
      part("answer").scrollIntoView({ block: "nearest" });
    }
  });
  part("live").addEventListener("click", () => {
    part("live").setAttribute("aria-pressed", part("live").getAttribute("aria-pressed") !== "true");
    live(page, part);
  });
  part("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(part("code").textContent);
    part("copy").textContent = "Copiado";
  });
}

/** Answer what the camera sees, as often as the device can, while the button is pressed. */
async function live(page, part) {
  while (part("live").getAttribute("aria-pressed") === "true" && !part("live").hidden) {
    await show(part, () => page.frame());
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

async function show(part, open) {
  const { ask, names } = shown.trainer;
  try {
    const bitmap = await open();
    if (!bitmap) {
      return;
    }
    const { probabilities, heat, picture } = await ask("../treino/head.answer", bitmap, { transfer: [bitmap] });
    [part("photo"), part("heat")].forEach((canvas) => { drawPhoto(canvas, picture); });
    const winner = probabilities[1] > probabilities[0] ? 1 : 0;
    part("verdict").textContent = names().map((name, i) => `${name}: ${percent(probabilities[i])}`).join(" · ");
    drawHeat(part("heat"), heat, winner === 1 ? 1 : -1);
    part("heat").setAttribute("aria-label", `A foto com as regiões que falam por ${names()[winner]} em laranja.`);
    part("answer").hidden = false;
  } catch (error) {
    part("verdict").textContent = error instanceof Problem ? error.message : "Algo falhou: tente outra foto.";
    part("answer").hidden = false;
  }
}
