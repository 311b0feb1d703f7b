// Photos and heat maps on a canvas.

/** A bitmap over white, its longer side at most `longest` pixels. */
export function drawPhoto(canvas, bitmap, longest = 480) {
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
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
