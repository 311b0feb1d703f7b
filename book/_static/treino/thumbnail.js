// A small picture of a photo, and the colour of its edges.
import { drawPhoto } from "../experimente/picture.js";

const SIDE = 96;

/** An ImageBitmap → { canvas, border }: the mean red, green and blue of the outer tenth, 0 to 255. */
export function thumbnail(bitmap) {
  const canvas = document.createElement("canvas");
  drawPhoto(canvas, bitmap, SIDE);
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const edge = Math.ceil(Math.min(width, height) / 10);
  const [sums, border] = [[0, 0, 0], []];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.min(x, y, width - 1 - x, height - 1 - y) < edge) {
        border.push(4 * (y * width + x));
      }
    }
  }
  border.forEach((at) => { sums.forEach((_, channel) => { sums[channel] += data[at + channel]; }); });
  return { canvas, border: sums.map((sum) => sum / border.length) };
}
