// The trainings on the book's photos: which photos, what is counted, what is said.

import assert from "node:assert/strict";
import test from "node:test";

import { choose, gathered, score, unpacked } from "../../book/_static/treino/choice.js";
import { EXPERIMENTS, repeated, trainings } from "../../book/_static/treino/experiments.js";
import { cells, findings, lossText, repetition, written } from "../../book/_static/treino/runs.js";
import { softmax } from "../../book/_static/treino/train.js";

const LABELS = Array.from({ length: 700 }, (_, i) => (i % 7 < 3 || i % 14 === 3 ? 0 : 1));
const all = ({ train, validation }) => [...train.photos, ...validation.photos];
const usual = { photos: 100, spoiled: 0, seed: 42 };

function changed({ train, validation }) {
  return [train, validation].flatMap(({ photos, labels }) => photos.filter((photo, i) => labels[i] !== LABELS[photo]));
}

test("both classes are alike, no photo comes twice, and a fifth is held out", () => {
  for (const photos of [10, 100, 700]) {
    const parts = choose(LABELS, { ...usual, photos });
    assert.equal(new Set(all(parts)).size, photos);
    assert.equal(all(parts).filter((photo) => LABELS[photo] === 1).length, photos / 2);
    assert.equal(parts.validation.photos.length, photos / 5);
    assert.deepEqual(changed(parts), []);
  }
});

test("more photos are the fewer ones and others, and another seed draws others", () => {
  const more = new Set(all(choose(LABELS, { ...usual, photos: 200 })));
  assert.ok(all(choose(LABELS, usual)).every((photo) => more.has(photo)));
  assert.notDeepEqual(all(choose(LABELS, { ...usual, seed: 43 })).sort(), all(choose(LABELS, usual)).sort());
  assert.deepEqual(choose(LABELS, usual), choose(LABELS, usual));
});

test("so many labels are spoiled, of the same split", () => {
  const [right, spoiled] = [0, 40].map((share) => choose(LABELS, { ...usual, spoiled: share }));
  assert.equal(changed(spoiled).length, 40);
  assert.deepEqual(all(spoiled), all(right));
  const fewer = changed(choose(LABELS, { ...usual, spoiled: 10 }));
  assert.ok(fewer.length === 10 && fewer.every((photo) => changed(spoiled).includes(photo)));
});

test("levels become features, and some photos' are taken out", () => {
  const features = unpacked(new Uint8Array([0, 255, 10, 4, 2, 1]), [0.5, 2]);
  assert.deepEqual(Array.from(features), [0, 510, 5, 8, 1, 2]);
  assert.deepEqual(Array.from(gathered(features, 2, [2, 0])), [1, 2, 0, 510]);
});

test("a score counts what is right, and its loss is that of the probabilities", () => {
  const scores = [[2, -1], [0, 0.5], [-3, 4]];
  const { right, all: count, loss } = score(scores, [0, 0, 1]);
  assert.deepEqual([right, count], [2, 3]);
  const ofRight = [softmax(scores[0])[0], softmax(scores[1])[0], softmax(scores[2])[1]];
  assert.ok(Math.abs(loss + ofRight.reduce((sum, each) => sum + Math.log(each), 0) / 3) < 1e-12);
});

test("who errs with all certainty pays for all of it", () => {
  assert.equal(score([[2000, 0]], [1]).loss, 2000);
  assert.deepEqual(softmax([2000, 0]), [1, 0]);
  assert.equal(score([[1, 1]], [0]).right, 0); // no answer is no right answer
});

test("an experiment varies one thing, within what the fields take", () => {
  for (const experiment of Object.values(EXPERIMENTS)) {
    const list = trainings(experiment);
    assert.equal(list.length, experiment.values.length * experiment.seeds);
    const others = list.map((options) => ({ ...options, [experiment.varied]: 0, seed: 0 }));
    others.forEach((each) => { assert.deepEqual(each, others[0]); });
    list.forEach(({ photos, rate, dropout }) => { assert.ok(photos % 10 === 0 && rate <= 1 && dropout <= 0.9); });
  }
});

test("repetitions differ in the seed alone", () => {
  assert.deepEqual(repeated({ rate: 1, seed: 7 }, 3), [7, 8, 9].map((seed) => ({ rate: 1, seed })));
});

const run = (right, more) => ({ photos: 20, spoiled: 5, units: 256, dropout: 0.3, rate: 0.00001, epochs: 10, seed: 1,
  right, all: 200, loss: 0.5, ...more });

test("a spread tells the mean and both ends", () => {
  assert.match(repetition([run(180), run(190), run(200, { loss: 0.8 })]),
    /^Em 3 treinos iguais.*: 95,0% de acertos em média, de 90,0% a 100,0%, com perda média de 0,600\. /);
});

test("findings go up with the value, each with its own runs", () => {
  assert.deepEqual(findings([run(190, { photos: 40 }), run(100)], "photos"), [
    "20 fotos: 50,0% de acertos, com perda de 0,500.", "40 fotos: 95,0% de acertos, com perda de 0,500."]);
  assert.deepEqual(findings([run(100)], "rate"), [
    "taxa de aprendizado 0,00001: 50,0% de acertos, com perda de 0,500."]);
});

test("numbers are written as the book writes them", () => {
  assert.deepEqual(cells(run(199), 3), ["3", "99,5%", "0,500", "20", "5%", "256", "0,3", "0,00001", "10", "1"]);
  assert.deepEqual([written("rate", 1), lossText(1407.9)], ["1", "1.408"]);
});
