// Arithmetic on pixels and maps, without a page or a model.

/**
 * Bilinear, half-pixel centres, no antialiasing: the package's `resize_photo`.
 * RGBA bytes of width × height pixels → size × size × 3 floats, 0 to 255.
 */
export function resize(rgba, width, height, size) {
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

/** Global average pooling: positions × channels floats → one mean a channel. */
export function pooled(maps, channels) {
  const means = new Float32Array(channels);
  maps.forEach((value, i) => { means[i % channels] += value; });
  return means.map((sum) => sum * channels / maps.length);
}

/**
 * Grad-CAM of a head (dense with ReLU, dense) for the second class against the first: maps, positions × channels, and
 * the head's weights → heat [row][column], positive where the second class is seen. As `explain.signed_map`.
 */
export function headHeat(maps, [kernel, bias, lastKernel]) {
  const [channels, units] = kernel.shape;
  const positions = maps.length / channels;
  const before = Array.from({ length: positions }, (_, at) => {
    const sums = new Float32Array(units);
    for (let channel = 0; channel < channels; channel++) {
      const value = maps[at * channels + channel];
      if (value !== 0) {
        for (let unit = 0; unit < units; unit++) {
          sums[unit] += value * kernel.values[channel * units + unit];
        }
      }
    }
    return sums;
  });
  const says = Float32Array.from({ length: units }, (_, unit) => {
    const mean = before.reduce((sum, each) => sum + each[unit], 0) / positions + bias.values[unit];
    return mean > 0 ? lastKernel.values[2 * unit + 1] - lastKernel.values[2 * unit] : 0;
  });
  const heat = before.map((sums) => sums.reduce((sum, value, unit) => sum + value * says[unit], 0) / positions);
  return chunks(heat, Math.sqrt(positions));
}

/** Flat values and a shape → arrays in arrays. */
export function nested(values, shape) {
  return shape.slice(1).reduceRight((rows, length) => chunks(rows, length), Array.from(values));
}

function chunks(values, length) {
  return Array.from({ length: values.length / length }, (_, i) => values.slice(i * length, (i + 1) * length));
}
