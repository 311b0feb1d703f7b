// The arithmetic of a filter of 3 × 3, and what is said of it. A kernel is nine numbers, row by row.

import { number } from "./elements.js";

export const LARGEST = 100; // in size, of a number in a kernel

/** The filters with a name: what its button says, the kernel, what the reader sees. */
export const KERNELS = [
  { name: "Nada muda", kernel: [0, 0, 0, 0, 1, 0, 0, 0, 0],
    sentence: "A foto fica como está, porque cada pixel conta uma vez e os vizinhos não contam." },
  { name: "Bordas verticais", kernel: [-1, 0, 1, -1, 0, 1, -1, 0, 1],
    sentence: "Fica claro onde a direita é mais clara que a esquerda. No caso contrário a soma é negativa e o pixel "
      + "fica preto." },
  { name: "Bordas horizontais", kernel: [-1, -1, -1, 0, 0, 0, 1, 1, 1],
    sentence: "Fica claro onde embaixo é mais claro que em cima. Os bigodes aparecem, e as listras em pé somem." },
  { name: "Borrar", kernel: Array(9).fill(0.111),
    sentence: "Cada pixel vira a média dele e dos oito vizinhos, e os pelos finos se misturam." },
  { name: "Realçar", kernel: [0, -1, 0, -1, 5, -1, 0, -1, 0],
    sentence: "O que distingue cada pixel dos vizinhos aumenta, e os pelos ficam mais nítidos." },
];

/** The same, and the kernel that the network learned. */
export function withLearned(kernel) {
  return [...KERNELS, { name: "Da rede", kernel,
    sentence: "Dos 32 filtros da primeira camada, é o que mais se parece com o de bordas verticais, aqui com a mesma "
      + "força que ele. Quem encontrou estes números foi o treino." }];
}

/** Grey levels (n), 0 to 255, of RGBA bytes (4 × n): the mean of the three colours. */
export function grey(rgba) {
  const ofPixel = (_, i) => (rgba[4 * i] + rgba[4 * i + 1] + rgba[4 * i + 2]) / 3;
  return Float32Array.from({ length: rgba.length / 4 }, ofPixel);
}

/** Grey (height × width) under a kernel: RGBA bytes, (height − 2) × (width − 2), what leaves 0 to 255 clipped. */
export function convolve(values, width, height, kernel) {
  const offsets = kernel.map((_, i) => Math.floor(i / 3) * width + (i % 3));
  const bytes = new Uint8ClampedArray(4 * (width - 2) * (height - 2)); // which clips
  let at = 0;
  for (let row = 0; row < height - 2; row++) {
    for (let column = 0; column < width - 2; column++) {
      let sum = 0;
      for (let i = 0; i < 9; i++) {
        sum += kernel[i] * values[row * width + column + offsets[i]];
      }
      bytes[at] = bytes[at + 1] = bytes[at + 2] = sum;
      bytes[at + 3] = 255;
      at += 4;
    }
  }
  return bytes;
}

/** The number that a field holds, or NaN when that is none, or too large. */
export function parsed(text) {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Math.abs(value) <= LARGEST ? value : Number.NaN;
}

/** Which of some named filters has this kernel; undefined when none has. */
export function recognized(kernel, named) {
  return named.find((each) => each.kernel.every((value, i) => value === kernel[i]));
}

/** The sum of a kernel without a name, which tells what becomes of pixels that are all alike. */
export function toldBySum(kernel) {
  const sum = Math.round(100 * kernel.reduce((total, value) => total + value, 0)) / 100;
  const result = sum <= 0 ? "fica preta" : sum === 1 ? "não muda" : sum > 1 ? "fica mais clara" : "fica mais escura";
  return `A soma dos nove números é ${number(sum, 2, 0)}: a parte da foto que tem um tom só ${result}.`;
}
