// What a threshold makes of probabilities.

import assert from "node:assert/strict";
import test from "node:test";

import { confusion, curve, rates, reach } from "../../book/_static/interativo/confusion.js";

const PROBABILITIES = [0.1, 0.4, 0.4, 0.9];
const LABELS = [0, 1, 0, 1];

test("the second class is answered from the threshold on", () => {
  assert.deepEqual(confusion(PROBABILITIES, LABELS, 0.5), [[2, 0], [1, 1]]);
  assert.deepEqual(confusion(PROBABILITIES, LABELS, 0.4), [[1, 1], [0, 2]]);
  assert.deepEqual(confusion(PROBABILITIES, LABELS, 0), [[0, 2], [0, 2]]);
  assert.deepEqual(confusion(PROBABILITIES, LABELS, 1), [[2, 0], [2, 0]]);
});

test("rates are shares of each true class", () => {
  assert.deepEqual(rates([[3, 1], [0, 2]]), [0.25, 1]);
});

test("the curve has a point for each different probability", () => {
  assert.deepEqual(curve(PROBABILITIES, LABELS), [[0, 0], [0, 0.5], [0.5, 1], [1, 1]]);
});

test("the best corner alone is shown when all happens there", () => {
  assert.equal(reach([[0, 0.9], [0.2, 1]]), 0.2);
  assert.equal(reach([[0, 0.9], [0.21, 1]]), 1);
  assert.equal(reach([[0, 0.79]]), 1);
});
