// A photo under a filter of nine numbers, which the reader changes.

import { element, number } from "./elements.js";
import { convolve, grey, KERNELS, LARGEST, parsed, recognized, toldBySum, withLearned } from "./kernels.js";

const PHOTO = new URL("../gata-chelsea.png", import.meta.url);

/** Put the figure into its place, whose `data-kernel` holds nine numbers of the network. */
export async function start(place) {
  const photo = await greyPhoto();
  const named = withLearned(JSON.parse(place.dataset.kernel));
  const fields = Array.from({ length: 9 }, (_, i) => numberField(i));
  const buttons = named.map(({ name }) => element("button", { type: "button" }, name));
  const status = element("p", { role: "status" });
  const before = canvas(photo, "A foto da gata Chelsea em tons de cinza.");
  const after = canvas(photo, "");
  paint(before, photo, KERNELS[0].kernel);

  function update() {
    const read = fields.map((field) => parsed(field.value));
    fields.forEach((field, i) => { field.setAttribute("aria-invalid", Number.isNaN(read[i])); });
    const kernel = read.map((value) => value || 0);
    const found = recognized(kernel, named);
    buttons.forEach((button, i) => { button.setAttribute("aria-pressed", named[i] === found); });
    paint(after, photo, kernel);
    const told = found?.name ?? kernel.map((value) => number(value, 3, 0)).join(" ");
    after.setAttribute("aria-label", `A foto depois do filtro: ${told}.`);
    status.textContent = read.some(Number.isNaN) ? REFUSED : found?.sentence ?? toldBySum(kernel);
  }

  function choose({ kernel }) {
    fields.forEach((field, i) => { field.value = kernel[i]; });
    update();
  }

  buttons.forEach((button, i) => { button.addEventListener("click", () => choose(named[i])); });
  for (const field of fields) {
    field.addEventListener("input", update);
  }
  place.replaceChildren(
    element("div", { class: "interativo-choices", role: "group", "aria-label": "Filtros prontos" }, ...buttons),
    element("div", { class: "interativo-photos" }, captioned(before, "Antes"), captioned(after, "Depois do filtro")),
    status,
    element("fieldset", {}, element("legend", {}, "Os nove números"),
      element("div", { class: "interativo-kernel" }, ...fields)));
  choose(KERNELS[0]);
}

const REFUSED = `Há um campo sem número de −${LARGEST} a ${LARGEST}, e ele conta como 0.`;

/** Grey levels (height × width), 0 to 255, of the photo at half its size, where so small a filter shows. */
async function greyPhoto() {
  const image = new Image();
  image.src = PHOTO;
  await image.decode();
  const width = Math.floor(image.naturalWidth / 2);
  const height = Math.floor(image.naturalHeight / 2);
  const context = element("canvas", { width, height }).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return { width, height, values: grey(context.getImageData(0, 0, width, height).data) };
}

/** As large as what a filter makes of the photo. */
function canvas({ width, height }, label) {
  return element("canvas", { width: width - 2, height: height - 2, role: "img", "aria-label": label });
}

function paint(target, { width, height, values }, kernel) {
  const bytes = convolve(values, width, height, kernel);
  target.getContext("2d").putImageData(new ImageData(bytes, width - 2), 0, 0);
}

function numberField(index) {
  const label = `linha ${Math.floor(index / 3) + 1}, coluna ${(index % 3) + 1}`;
  return element("input", { type: "number", step: "any", min: -LARGEST, max: LARGEST, "aria-label": label });
}

function captioned(picture, text) {
  return element("figure", {}, element("figcaption", {}, text), picture);
}
