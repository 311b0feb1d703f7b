// Which of the book's photos a training uses, and how well it did on those of the test.
import { randomizer, shuffled } from "./random.js";
import { split } from "./sets.js";

/**
 * Labels, 0 or 1, of the photos to train on → { train, validation }, each { photos: indices, labels }: `count` photos
 * of both classes alike, of which `spoiled` % get the other class's label. With the same seed, more photos are the
 * fewer ones and others besides, and labels are spoiled of the same ones.
 */
export function choose(labels, { photos: count, spoiled, seed }) {
  const random = randomizer(seed);
  const used = [0, 1].flatMap((label) => shuffled(labels.flatMap((each, i) => (each === label ? [i] : [])), random)
    .slice(0, label ? Math.floor(count / 2) : Math.ceil(count / 2)));
  const parts = split(used.map((i) => labels[i]), random);
  const wrong = new Set(shuffled(used, random).slice(0, Math.round(spoiled / 100 * used.length)));
  const part = (places) => {
    const photos = places.map((place) => used[place]);
    return { photos, labels: photos.map((i) => (wrong.has(i) ? 1 - labels[i] : labels[i])) };
  };
  return { train: part(parts.train), validation: part(parts.held) };
}

/** Levels, 0 to 255, photo after photo, and a scale a channel → the features, floats in the same order. */
export function unpacked(levels, scales) {
  return Float32Array.from(levels, (level, i) => level * scales[i % scales.length]);
}

/** Of features of `size` floats each, those at these indices, one after the other. */
export function gathered(features, size, indices) {
  const some = new Float32Array(indices.length * size);
  indices.forEach((from, to) => { some.set(features.subarray(from * size, (from + 1) * size), to * size); });
  return some;
}

/** Scores [photo][class] and labels → how many answers are right, of how many, and the mean loss, without end. */
export function score(scores, labels) {
  const behind = scores.map((row, i) => row[1 - labels[i]] - row[labels[i]]);
  const losses = behind.map((by) => Math.max(by, 0) + Math.log1p(Math.exp(-Math.abs(by))));
  return {
    right: behind.filter((by) => by < 0).length,
    all: labels.length,
    loss: losses.reduce((sum, each) => sum + each, 0) / labels.length,
  };
}
