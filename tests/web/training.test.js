// What the page Treine aqui makes of photos and labels, before and after the library trains.

import assert from "node:assert/strict";
import test from "node:test";

import { headHeat, pooled } from "../../catsdogs/engines/browser/pixels.js";
import { kerasCode } from "../../book/_static/treino/code.js";
import { randomizer, shuffled } from "../../book/_static/treino/random.js";
import { cosine, enough, sameName, seenBefore, split, warnings } from "../../book/_static/treino/sets.js";
import { base64 } from "../../book/_static/treino/take.js";
import { accuracySentence, addedSentence, epochSentence } from "../../book/_static/treino/words.js";

const NAMES = ["caneca", "garrafa"];

/** Photos of one class that are all different, before backgrounds that are all different. */
function photos(label, count, border = (i) => [30 * i, 90, 200 - 20 * i]) {
  return Array.from({ length: count }, (_, i) => {
    const features = new Float32Array(64);
    features[32 * label + i] = 1;
    return { label, features, border: border(i) };
  });
}

test("a fifth of each class is held out, at least one, and nothing is in both parts", () => {
  const labels = [...Array(15).fill(0), ...Array(5).fill(1)];
  const { train, held } = split(labels, randomizer(1));
  assert.deepEqual([...train, ...held].sort((a, b) => a - b), labels.map((_, i) => i));
  assert.deepEqual([0, 1].map((label) => held.filter((i) => labels[i] === label).length), [3, 1]);
  assert.deepEqual(split(labels, randomizer(1)), { train, held });
  assert.notDeepEqual(split(labels, randomizer(2)).held, held);
});

test("chance is repeatable and reaches everything", () => {
  const random = randomizer(7);
  const given = Array.from({ length: 1000 }, random);
  assert.ok(given.every((value) => value >= 0 && value < 1));
  assert.ok(Math.abs(given.reduce((a, b) => a + b) / 1000 - 0.5) < 0.05);
  assert.deepEqual(shuffled([1, 2, 3, 4], randomizer(3)).sort(), [1, 2, 3, 4]);
});

test("good photos are warned of nothing", () => {
  const all = [...photos(0, 8), ...photos(1, 8)];
  assert.deepEqual(warnings(all, NAMES), []);
  assert.ok(enough(all));
});

test("what is wrong with the photos is told", () => {
  const told = (...all) => warnings(all.flat(), NAMES).join(" ");
  assert.match(told(photos(0, 4), photos(1, 8)), /Faltam fotos de “caneca”: são 4/);
  assert.ok(!enough([...photos(0, 4), ...photos(1, 8)]));
  assert.match(told(photos(0, 5), photos(1, 11)), /11 fotos de “garrafa” e só 5 de “caneca”/);
  const copy = { ...photos(0, 1)[0], label: 1 };
  assert.match(told(photos(0, 6), photos(1, 6), [copy]), /nas duas classes \(1\)/);
  const wall = (color) => (i) => [color + i, color, color];
  assert.match(told(photos(0, 6, wall(40)), photos(1, 6, wall(200))), /mesmo fundo/);
  assert.doesNotMatch(told(photos(0, 6, wall(40)), photos(1, 6, wall(42))), /mesmo fundo/);
});

test("two classes of one name cannot be told apart", () => {
  assert.match(warnings([...photos(0, 6), ...photos(1, 6)], ["Gato", "gato"]).join(), /se chamam “Gato”/);
  assert.ok(sameName(["Gato", "gato"]) && !sameName(NAMES));
});

test("frames of one burst on both sides are counted", () => {
  const features = [[1, 0], [0.999, 0.001], [0, 1]];
  assert.equal(seenBefore(features, { train: [0, 2], held: [1] }), 1);
  assert.equal(seenBefore(features, { train: [0, 1], held: [2] }), 0);
  assert.equal(cosine([0, 0], [1, 1]), 0);
});

test("results are told with what they are worth", () => {
  const few = accuracySentence(4, 5, 0);
  assert.match(few, /acertou 4 de 5 .* entre 38% e 96%.* diz pouco/);
  assert.doesNotMatch(few, /quase iguais/);
  assert.match(accuracySentence(40, 40, 3), /quase iguais às do treino \(3\)/);
  assert.doesNotMatch(accuracySentence(40, 40, 0), /diz pouco/);
  assert.equal(epochSentence({ epoch: 2, loss: 0.5, val_loss: 0.25 }),
    "Época 2: perda 0,500 no treino e 0,250 na validação.");
});

test("what came in is counted and what did not is named", () => {
  assert.equal(addedSentence(1, 1, [], false), "Uma foto entrou.");
  assert.equal(addedSentence(3, 3, [], false), "3 fotos entraram.");
  assert.match(addedSentence(8, 1, ["a", "b", "c", "d", "e", "f", "g"], false), /a, b, c, d, e e mais 2/);
  assert.match(addedSentence(9, 0, [], true), /Parei antes do fim, com 9 escolhidas. Nenhuma foto entrou/);
});

test("the code has the numbers that were chosen", () => {
  const code = kerasCode({ names: NAMES, units: 16, dropout: 0.5, rate: 0.01, epochs: 7, seed: 3 });
  for (const line of ["Dense(16, ", "Dropout(0.5)", "Adam(0.01)", "epochs=7", '"seed": 3', "caneca e garrafa"]) {
    assert.ok(code.includes(line), line);
  }
});

test("weights are written as bytes, the lowest first", () => {
  assert.equal(base64([1, -2]), Buffer.from([0, 0, 128, 63, 0, 0, 0, 192]).toString("base64"));
  assert.equal(Buffer.from(base64(new Float32Array(9000)), "base64").length, 36000);
});

test("pooling is a mean a channel, and heat is where the second class is seen", () => {
  const maps = new Float32Array([1, 0, 3, 0, 5, 0, 7, 2]); // 4 positions, 2 channels
  assert.deepEqual(Array.from(pooled(maps, 2)), [4, 0.5]);
  const weights = [{ shape: [2, 2], values: [0, 0, 1, -1] }, { values: [0, 1] }, { values: [0, 1, 3, 1] }];
  const heat = headHeat(maps, weights); // unit 0 sees channel 1 and speaks for the second class, unit 1 for the first
  assert.deepEqual(heat, [[0, 0], [0, 2 * (1 + 2) / 4]]);
});
