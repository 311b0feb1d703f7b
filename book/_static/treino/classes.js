// One class's panel: its name, its photos, and the ways in which photos come.
import { drawPhoto } from "../experimente/picture.js";
import { element } from "../interativo/elements.js";

/**
 * A panel from the page's template. `onFiles` gets chosen, dropped or pasted files, `onShoot` a press on the button of
 * the camera, `onRemove` a photo. Returns { name, show(photos), camera(on) }.
 */
export function classPanel(template, label, { onFiles, onShoot, onRemove, onRename }) {
  const panel = template.content.firstElementChild.cloneNode(true);
  template.before(panel);
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const named = part("name");
  part("legend").textContent = `Classe ${label + 1}`;
  named.value = ["caneca", "garrafa"][label];
  named.addEventListener("input", onRename);
  for (const input of panel.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      const files = Array.from(input.files);
      input.value = ""; // so that the same photos can be chosen again
      onFiles(files);
    });
  }
  panel.addEventListener("dragover", (event) => event.preventDefault());
  panel.addEventListener("drop", async (event) => {
    event.preventDefault();
    onFiles(await droppedFiles(event.dataTransfer));
  });
  panel.addEventListener("paste", (event) => {
    const files = Array.from(event.clipboardData.files);
    if (files.length) {
      event.preventDefault();
      onFiles(files);
    }
  });
  holding(part("shoot"), onShoot);
  return {
    name: () => named.value.trim() || `classe ${label + 1}`,
    show: (photos) => showPhotos(part, photos, onRemove),
    camera: (on) => { part("shoot").hidden = !on; },
  };
}

function showPhotos(part, photos, onRemove) {
  part("count").textContent = photos.length > 1 ? `${photos.length} fotos.` : `${photos.length || "Nenhuma"} foto.`;
  const shown = new Map(Array.from(part("photos").children, (item) => [item.photo, item]));
  part("photos").replaceChildren(...photos.map((photo, i) => {
    const item = shown.get(photo) ?? thumbnail(photo, onRemove);
    item.querySelector("canvas").setAttribute("aria-label", `Foto ${i + 1}, ${photo.name}`);
    item.querySelector("button").setAttribute("aria-label", `Retirar a foto ${i + 1}, ${photo.name}`);
    return item;
  }));
}

function thumbnail(photo, onRemove) {
  const button = element("button", { type: "button" }, "×");
  button.addEventListener("click", () => onRemove(photo));
  const canvas = element("canvas", { role: "img" });
  drawPhoto(canvas, photo.picture);
  return Object.assign(element("li", {}, canvas, button), { photo });
}

/** Files, and the files of folders, that were dropped. */
async function droppedFiles(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length ? (await Promise.all(entries.map(filesOf))).flat() : Array.from(transfer.files);
}

async function filesOf(entry) {
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => { entry.file(resolve, reject); })];
  }
  const [reader, found] = [entry.createReader(), []];
  for (;;) { // a browser gives a hundred at a time
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) {
      return (await Promise.all(found.map(filesOf))).flat();
    }
    found.push(...some);
  }
}

/** Call back at once and then five times a second while a button is held; keys and screen readers press it once. */
function holding(button, callback) {
  let timer;
  const end = () => clearInterval(timer);
  button.addEventListener("pointerdown", () => {
    callback();
    timer = setInterval(callback, 200);
  });
  ["pointerup", "pointerleave", "pointercancel"].forEach((kind) => { button.addEventListener(kind, end); });
  button.addEventListener("click", (event) => event.detail || callback());
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
}
