// The guided experiments: what each one trains.

const USUAL = { photos: 200, units: 256, dropout: 0.3, rate: 0.001, epochs: 10, spoiled: 0, seed: 42 };

export const EXPERIMENTS = {
  photos: { usual: USUAL, varied: "photos", values: [10, 20, 40, 80, 160, 320, 640], seeds: 1 },
  dropout: { usual: { ...USUAL, photos: 20, epochs: 20 }, varied: "dropout", values: [0, 0.3, 0.6, 0.9], seeds: 5 },
  rate: { usual: USUAL, varied: "rate", values: [0.00001, 0.0001, 0.001, 0.01, 0.1, 1], seeds: 1 },
};

/** An experiment → the options of its trainings, one after the other. */
export function trainings({ usual, varied, values, seeds }) {
  return values.flatMap((value) => repeated({ ...usual, [varied]: value }, seeds));
}

/** The same options with so many seeds, from theirs on. */
export function repeated(options, seeds) {
  return Array.from({ length: seeds }, (_, i) => ({ ...options, seed: options.seed + i }));
}
