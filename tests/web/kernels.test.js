// The arithmetic of a filter of 3 × 3.

import assert from "node:assert/strict";
import test from "node:test";

import {
  convolve, grey, KERNELS, parsed, recognized, toldBySum, withLearned,
} from "../../book/_static/interativo/kernels.js";

const [identity, vertical, horizontal, blur, sharpen] = KERNELS.map(({ kernel }) => kernel);

/** The grey levels of RGBA bytes whose three colours are alike and opaque. */
function levels(bytes) {
  const pixels = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.slice(4 * i, 4 * i + 4));
  assert.ok(pixels.every(([red, green, blue, opacity]) => red === green && green === blue && opacity === 255));
  return pixels.map(([red]) => red);
}

test("grey is the mean of the three colours", () => {
  assert.deepEqual([...grey([10, 20, 60, 255, 0, 0, 0, 0])], [30, 0]);
});

test("the identity leaves every pixel that has all neighbours", () => {
  const values = [...Array(20).keys()]; // 4 × 5
  assert.deepEqual(levels(convolve(values, 5, 4, identity)), [6, 7, 8, 11, 12, 13]);
});

test("each number meets the pixel below it, and what leaves 0 to 255 is clipped", () => {
  const values = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (const [i, value] of values.entries()) {
    assert.deepEqual(levels(convolve(values, 3, 3, values.map((_, j) => Number(i === j)))), [value]);
  }
  assert.deepEqual(levels(convolve(values, 3, 3, Array(9).fill(9))), [255]);
  assert.deepEqual(levels(convolve(values, 3, 3, Array(9).fill(-9))), [0]);
});

test("edges are bright on one side only, and nothing is where all is alike", () => {
  const step = [0, 0, 50, 50, 0, 0, 50, 50, 0, 0, 50, 50];
  assert.deepEqual(levels(convolve(step, 4, 3, vertical)), [150, 150]);
  assert.deepEqual(levels(convolve(step.map((value) => 50 - value), 4, 3, vertical)), [0, 0]);
  assert.deepEqual(levels(convolve(step, 4, 3, horizontal)), [0, 0]);
});

test("blurring and sharpening keep one tone", () => {
  const alike = Array(9).fill(200);
  assert.deepEqual(levels(convolve(alike, 3, 3, blur)), [200]);
  assert.deepEqual(levels(convolve(alike, 3, 3, sharpen)), [200]);
});

test("a field holds a number of reasonable size, or none", () => {
  assert.deepEqual(["1", " -0.5 ", "100", "1e1"].map(parsed), [1, -0.5, 100, 10]);
  assert.ok(["", " ", "-", "101", "1e999", "um"].every((text) => Number.isNaN(parsed(text))));
});

test("a kernel is recognized by its numbers, wherever they come from", () => {
  const named = withLearned([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(recognized([1, 2, 3, 4, 5, 6, 7, 8, 9], named).name, "Da rede");
  assert.equal(recognized([0, 0, 0, 0, 1, 0, 0, 0, 0], named).name, "Nada muda");
  assert.equal(recognized([0, 0, 0, 0, 2, 0, 0, 0, 0], named), undefined);
  assert.equal(new Set(named.map(({ name }) => name)).size, 6);
});

test("the sum tells what becomes of one tone", () => {
  const told = (value) => toldBySum([value, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.match(told(0.5), /é 0,5: .+ fica mais escura\.$/);
  assert.match(told(1), /é 1: .+ não muda\.$/);
  assert.match(told(2), /é 2: .+ fica mais clara\.$/);
  assert.match(told(-1.25), /é −1,25: .+ fica preta\.$/);
  assert.match(toldBySum([0.1, 0.2, -0.3, 0, 0, 0, 0, 0, 0]), /é 0: .+ fica preta\.$/);
});
