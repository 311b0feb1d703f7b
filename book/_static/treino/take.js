// The head as a file, for Keras.

/** What is known of a training and the head's weights, { shape, values } each, → a JSON file for `catsdogs`. */
export function headFile(about, weights) {
  const packed = weights.map(({ shape, values }) => ({ shape, float32: base64(values) }));
  return new Blob([JSON.stringify({ ...about, weights: packed })], { type: "application/json" });
}

/** Floats → their bytes, the lowest first, in base 64. */
export function base64(values) {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}
