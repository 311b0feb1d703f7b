// Photos and heat maps on a canvas.

/** A photo over white, `scale` times as large, on a canvas of its own. For workers: a large one would stop a page. */
export function overWhite(bitmap, scale) {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

/** The same, with a longer side of at most so many pixels. */
export function shrunk(bitmap, longest) {
  return overWhite(bitmap, Math.min(1, longest / Math.max(bitmap.width, bitmap.height)));
}

/** A small picture, as it is. */
export function drawPhoto(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

/** Over what the canvas shows: where heat [row][column] has the sign, in orange. */
export function drawHeat(canvas, heat, sign) {
  const values = heat.flat().map((value) => Math.max(0, sign * value));
  const largest = Math.max(...values) || 1;
  const small = new ImageData(heat[0].length, heat.length);
  values.forEach((value, i) => { small.data.set([230, 120, 0, Math.round(190 * value / largest)], 4 * i); });
  const source = document.createElement("canvas");
  source.width = small.width;
  source.height = small.height;
  source.getContext("2d").putImageData(small, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
}
