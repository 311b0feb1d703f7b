// What is learned from and what is held out, and what is wrong with the photos before any training.
import { shuffled } from "./random.js";

export const FEWEST = 5; // photos a class
const HELD_OUT = 0.2;
const SAME = 0.9995; // cosine of the features of one photo saved twice
const ALIKE = 0.98; // of two frames of one burst
const PLAIN = 12; // spread of the borders' colours, of 255, that one wall has

/** Labels, 0 or 1 → indices of the photos to learn from and of those held out: a fifth of each class, at least one. */
export function split(labels, random) {
  const held = [0, 1].flatMap((label) => {
    const those = shuffled(labels.flatMap((each, i) => (each === label ? [i] : [])), random);
    return those.slice(0, Math.max(1, Math.round(HELD_OUT * those.length)));
  });
  return { train: labels.map((_, i) => i).filter((i) => !held.includes(i)), held: held.sort((a, b) => a - b) };
}

/** Cosine of two vectors. */
export function cosine(a, b) {
  let [product, first, second] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i];
    first += a[i] ** 2;
    second += b[i] ** 2;
  }
  return product / (Math.sqrt(first * second) || 1);
}

/** How many of the photos held out have nearly the same among those learned from. */
export function seenBefore(features, { train, held }) {
  return held.filter((i) => train.some((j) => cosine(features[i], features[j]) > ALIKE)).length;
}

/**
 * What the reader should know before training, one sentence each. Photos are { label, features, border: mean RGB of
 * the edges, 0 to 255 }; names are of the classes.
 */
export function warnings(photos, names) {
  const byClass = [0, 1].map((label) => photos.filter((photo) => photo.label === label));
  return [...alike(names), ...tooFew(byClass, names), ...unbalanced(byClass, names), ...shared(byClass),
    ...background(byClass, names)];
}

/** Whether there are enough photos to train at all. */
export function enough(photos) {
  return [0, 1].every((label) => photos.filter((photo) => photo.label === label).length >= FEWEST);
}

/** Whether nobody could tell the classes' answers apart. */
export function sameName([first, second]) {
  return first.toLocaleLowerCase("pt-BR") === second.toLocaleLowerCase("pt-BR");
}

function alike(names) {
  return sameName(names) ? [`As duas classes se chamam “${names[0]}”: dê um nome a cada uma.`] : [];
}

function tooFew(byClass, names) {
  return byClass.flatMap((photos, label) => (photos.length >= FEWEST ? []
    : [`Faltam fotos de “${names[label]}”: são ${photos.length}, e é preciso ter pelo menos ${FEWEST}.`]));
}

function unbalanced(byClass, names) {
  const [fewer, more] = byClass[0].length < byClass[1].length ? [0, 1] : [1, 0];
  return byClass[fewer].length >= FEWEST && byClass[more].length > 2 * byClass[fewer].length
    ? [`Há ${byClass[more].length} fotos de “${names[more]}” e só ${byClass[fewer].length} de “${names[fewer]}”: `
      + "a rede tende a responder a classe que mais viu. Junte fotos da outra."] : [];
}

function shared([first, second]) {
  const both = first.filter((photo) => second.some((other) => cosine(photo.features, other.features) > SAME)).length;
  return both ? [`Há fotos que estão nas duas classes (${both}): retire cada uma da classe errada, ou a rede aprende `
    + "respostas contrárias."] : [];
}

/** Each class before one wall, and the walls differ: the wall is enough to tell them apart. */
function background(byClass, names) {
  if (byClass.some((photos) => photos.length < FEWEST)) {
    return [];
  }
  const means = byClass.map((photos) => meanOf(photos.map(({ border }) => border)));
  const plain = byClass.every((photos, label) => photos.every(({ border }) => distance(border, means[label]) < PLAIN));
  return plain && distance(...means) > 3 * PLAIN
    ? [`As fotos de “${names[0]}” têm todas o mesmo fundo, e as de “${names[1]}”, outro: a rede pode aprender o fundo `
      + "em vez do objeto. Misture os fundos."] : [];
}

function meanOf(colors) {
  return [0, 1, 2].map((channel) => colors.reduce((sum, color) => sum + color[channel], 0) / colors.length);
}

function distance(a, b) {
  return Math.hypot(...a.map((value, i) => value - b[i]));
}
