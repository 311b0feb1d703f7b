// What a worker sees in a photo of the reader's: the page itself never draws a large one, which would stop it.
import { features } from "../experimente/model.js";
import { shrunk } from "../experimente/picture.js";

const THUMBNAIL = 96;

/** The mean red, green and blue of an image's outer tenth, 0 to 255. */
export function border({ data, width, height }) {
  const edge = Math.ceil(Math.min(width, height) / 10);
  const sums = [0, 0, 0];
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.min(x, y, width - 1 - x, height - 1 - y) < edge) {
        count += 1;
        sums.forEach((_, channel) => { sums[channel] += data[4 * (y * width + x) + channel]; });
      }
    }
  }
  return sums.map((sum) => sum / count);
}

/** An upright photo → a thumbnail (an ImageBitmap), the colour of its border, its features. */
export async function look(folder, bitmap) {
  const canvas = shrunk(bitmap, THUMBNAIL);
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = { border: border(pixels), features: await features(folder, bitmap) };
  return { ...found, picture: canvas.transferToImageBitmap() };
}
