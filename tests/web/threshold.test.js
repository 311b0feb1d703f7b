// What the slider says.

import assert from "node:assert/strict";
import test from "node:test";

import { measured, told } from "../../book/_static/interativo/threshold.js";

const NAMES = ["gato", "cachorro"];

test("errors are told class by class", () => {
  assert.equal(told([[8, 2], [0, 9]], NAMES), "2 erros em fotos de gato e 0 em fotos de cachorro.");
  assert.equal(told([[9, 1], [3, 6]], NAMES), "1 erro em fotos de gato e 3 em fotos de cachorro.");
});

test("precision, recall and the point are told in words", () => {
  assert.deepEqual(measured([[3, 1], [1, 3]], NAMES, true), [
    "Precisão: 75,0% (3 de 4 respostas “cachorro”)", "Recall: 75,0% (3 de 4 fotos de cachorro)",
    "Ponto da ROC: falsos positivos 0,250, verdadeiros positivos 0,750"]);
});

test("without an answer of the second class there is no precision", () => {
  assert.equal(measured([[4, 0], [4, 0]], NAMES, true)[0], "Precisão: não há respostas “cachorro”");
});

test("a point outside the drawing is said to be there", () => {
  assert.match(measured([[4, 0], [4, 0]], NAMES, false)[2], /0,000 \(fora do canto mostrado\)$/);
});
