// Numbers as the book writes them.

import assert from "node:assert/strict";
import test from "node:test";

import { number, percent } from "../../book/_static/interativo/elements.js";

test("numbers are Brazilian", () => {
  assert.equal(number(0.98333, 4), "0,9833");
  assert.equal(number(-0.5, 2), "−0,50");
  assert.equal(number("0.07", 2), "0,07");
  assert.equal(percent(0.98333), "98,3%");
});

test("decimals that are not needed may go", () => {
  assert.deepEqual([1, 0.111, 0.5, 100].map((value) => number(value, 2, 0)), ["1", "0,11", "0,5", "100"]);
});

test("what rounds to zero has no sign", () => {
  assert.equal(number(-0.001, 2), "0,00");
});
