// The page Experimente: a photo goes through the model in this browser, and nowhere else.
// No module, because browsers load none for a page opened from the disk, which then could not say what to do.

const MAX_BYTES = 60e6;
const MAX_PHOTO_PIXELS = 89e6; // as the package: a file of a few KB may unpack to gigabytes
const MAX_CANVAS_PIXELS = 16e6; // the largest canvas that every phone gives

const page = document.querySelector("#classificador");
const folder = new URL(page.dataset.folder, location.href);
const part = (name) => page.querySelector(`[data-part="${name}"]`);

/** A failure that the reader is told of as it stands. */
class Problem extends Error {}

/** Bilinear, half-pixel centres, no antialiasing: the package's resize_photo. RGBA bytes → RGB floats, 0 to 255. */
function resize(rgba, width, height, size) {
  const neighbours = (length) => Array.from({ length: size }, (_, i) => {
    const point = (i + 0.5) * (length / size) - 0.5;
    const before = Math.floor(point);
    return [Math.max(before, 0), Math.min(before + 1, length - 1), point - before];
  });
  const columns = neighbours(width);
  const resized = new Float32Array(size * size * 3);
  let at = 0;
  for (const [top, bottom, down] of neighbours(height)) {
    for (const [left, right, across] of columns) {
      for (let channel = 0; channel < 3; channel++) {
        const value = (row, column) => rgba[4 * (row * width + column) + channel];
        const upper = value(top, left) + (value(top, right) - value(top, left)) * across;
        const lower = value(bottom, left) + (value(bottom, right) - value(bottom, left)) * across;
        resized[at++] = upper + (lower - upper) * down;
      }
    }
  }
  return resized;
}

/** How many pixels a photo has, by its header: an image that is never shown is not decoded. */
function countPixels(blob) {
  const image = new Image();
  const address = URL.createObjectURL(blob.slice()); // without its type, which would make a drawing be read
  return new Promise((resolve, reject) => {
    image.onload = () => resolve(image.naturalWidth * image.naturalHeight);
    image.onerror = reject;
    image.src = address;
  }).finally(() => URL.revokeObjectURL(address));
}

/** A canvas with the upright photo over white. */
async function decode(blob) {
  let bitmap;
  try {
    if (blob.size <= MAX_BYTES && await countPixels(blob) <= MAX_PHOTO_PIXELS) {
      bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
    }
  } catch {
    throw new Problem("Este arquivo não é uma imagem que o navegador saiba abrir: use JPEG, PNG ou WebP.");
  }
  if (!bitmap) {
    throw new Problem("Esta foto é grande demais: use uma de até 60 MB e 89 milhões de pixels.");
  }
  const scale = Math.min(1, Math.sqrt(MAX_CANVAS_PIXELS / (bitmap.width * bitmap.height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}

let classifier; // a promise, so that the files are asked for once, at the first photo

function loadClassifier() {
  classifier ??= load().catch((error) => {
    classifier = undefined;
    throw error;
  });
  return classifier;
}

async function load() {
  if (typeof WebAssembly !== "object" || typeof createImageBitmap !== "function") {
    throw new Problem("Este navegador não tem WebAssembly: atualize-o ou use outro.");
  }
  if (location.protocol === "file:") {
    throw new Problem("Os navegadores não deixam uma página aberta do disco ler o modelo: sirva o livro com "
      + "“python -m http.server -d _build/html” e abra http://localhost:8000.");
  }
  const answer = await fetch(new URL("modelo.json", folder)).catch(() => ({ ok: false }));
  if (!answer.ok) {
    throw new Problem("O modelo não veio com esta cópia do livro: instale o Node.js e construa-o de novo.");
  }
  const about = await answer.json();
  try {
    const { loadLiteRt, loadAndCompile, Tensor } = await import(new URL("litert/index.js", folder));
    await loadLiteRt(new URL("litert/wasm/", folder).href);
    const model = await loadAndCompile(new URL(about.file, folder).href, { accelerator: "wasm" });
    return { about, model, Tensor };
  } catch (error) {
    console.warn(error);
    throw new Problem("Não consegui carregar o modelo: confira a conexão e tente de novo.");
  }
}

/** Probabilities [phase][class], heat [phase][row][column] for the second class, and milliseconds. */
async function classify(blob) {
  const { about, model, Tensor } = await loadClassifier();
  const canvas = await decode(blob);
  const start = performance.now();
  const { width, height } = canvas;
  const size = about.image_size;
  const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const input = new Tensor(resize(rgba, width, height, size), [1, size, size, 3]);
  const outputs = await model.run([input]);
  input.delete();
  const results = outputs.map((output) => {
    const found = { shape: Array.from(output.type.layout.dimensions), values: Array.from(output.toTypedArray()) };
    output.delete();
    return found;
  });
  const ofRank = (rank) => {
    const { shape, values } = results.find((each) => each.shape.length === rank);
    return shape.slice(1).reduceRight((rows, length) => (rows.length === length ? rows : chunks(rows, length)), values);
  };
  return { canvas, about, probabilities: ofRank(3), heat: ofRank(4), milliseconds: performance.now() - start };
}

function chunks(values, length) {
  return Array.from({ length: values.length / length }, (_, i) => values.slice(i * length, (i + 1) * length));
}

const percent = new Intl.NumberFormat("pt-BR", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

function showAnswer({ canvas, about, probabilities, heat, milliseconds }) {
  const fineTuned = probabilities.at(-1);
  const winner = fineTuned[1] > fineTuned[0] ? 1 : 0;
  part("verdict").textContent = `${about.classes[winner]}, com ${percent.format(fineTuned[winner])} na fase 2.`;
  probabilities.forEach((answer, phase) => answer.forEach((probability, index) => {
    const cell = part(`phase${phase + 1}-class${index}`);
    cell.querySelector("meter").value = probability;
    cell.querySelector("span").textContent = percent.format(probability);
  }));
  about.classes.forEach((name, index) => { part(`class${index}`).textContent = name; });
  drawPhoto(part("photo"), canvas);
  drawPhoto(part("heat"), canvas);
  drawHeat(part("heat"), heat.at(-1), winner === 1 ? 1 : -1);
  part("heat").setAttribute("aria-label", `A foto com as regiões que falam por ${about.classes[winner]} em laranja.`);
  part("time").textContent = `${Math.round(milliseconds)} ms neste dispositivo.`;
  part("answer").hidden = false;
}

function drawPhoto(target, canvas) {
  const scale = Math.min(1, 480 / Math.max(canvas.width, canvas.height));
  target.width = Math.max(1, Math.round(canvas.width * scale));
  target.height = Math.max(1, Math.round(canvas.height * scale));
  target.getContext("2d").drawImage(canvas, 0, 0, target.width, target.height);
}

function drawHeat(target, heat, sign) {
  const values = heat.flat().map((value) => Math.max(0, sign * value));
  const largest = Math.max(...values) || 1;
  const small = new ImageData(heat[0].length, heat.length);
  values.forEach((value, i) => small.data.set([230, 120, 0, Math.round(190 * value / largest)], 4 * i));
  const source = document.createElement("canvas");
  source.width = small.width;
  source.height = small.height;
  source.getContext("2d").putImageData(small, 0, 0);
  const context = target.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, target.width, target.height);
}

async function answer(blob) {
  part("status").textContent = "Examinando a foto…";
  part("answer").hidden = true;
  try {
    showAnswer(await classify(blob));
    part("status").textContent = "";
  } catch (error) {
    if (!(error instanceof Problem)) {
      console.error(error);
    }
    part("status").textContent = error instanceof Problem ? error.message
      : "Algo falhou ao examinar a foto: tente outra ou recarregue a página.";
  }
}

async function fetched(name) {
  const response = await fetch(new URL(name, folder)).catch(() => ({ ok: false }));
  return response.ok ? response.blob() : new Blob(); // load() then says what is missing
}

function firstImage(transfer) {
  return Array.from(transfer?.files ?? [])[0];
}

page.addEventListener("change", (event) => {
  const file = event.target.files?.[0];
  event.target.value = ""; // so that the same photo can be chosen again
  if (file) {
    answer(file);
  }
});
page.addEventListener("click", async (event) => {
  const sample = event.target.closest("[data-sample]");
  if (sample) {
    answer(await fetched(sample.dataset.sample));
  }
});
page.addEventListener("dragover", (event) => event.preventDefault());
page.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = firstImage(event.dataTransfer);
  if (file) {
    answer(file);
  }
});
document.addEventListener("paste", (event) => {
  const file = firstImage(event.clipboardData);
  if (file) {
    answer(file);
  }
});

page.classify = classify; // for the tests
