// From a file to an upright photo, with what is no photo or too large refused before it is decoded.
import { Problem } from "./problem.js";

const MAX_BYTES = 60e6;
const MAX_PHOTO_PIXELS = 89e6; // as the package: a file of a few KB may unpack to gigabytes

/** A file → an ImageBitmap, turned as its EXIF says. Throws a Problem. */
export async function openPhoto(blob) {
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
  return bitmap;
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
