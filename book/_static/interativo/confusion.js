// What a threshold makes of probabilities (n), 0 to 1, of the second class, given the true classes (n), 0 or 1.

/** [true class][answer] → photos; the second class is answered from the threshold on. */
export function confusion(probabilities, labels, threshold) {
  const counts = [[0, 0], [0, 0]];
  for (const [i, probability] of probabilities.entries()) {
    counts[labels[i]][probability >= threshold ? 1 : 0] += 1;
  }
  return counts;
}

/** The point of the ROC curve: [false positives, true positives], shares of each true class, 0 to 1. */
export function rates(counts) {
  return counts.map(([first, second]) => second / (first + second));
}

/** The whole curve, from [0, 0] to [1, 1], a point for each different probability. */
export function curve(probabilities, labels) {
  const thresholds = [...new Set(probabilities)].sort((one, other) => other - one);
  return [[0, 0], ...thresholds.map((threshold) => rates(confusion(probabilities, labels, threshold)))];
}

/** How much of each axis has to be seen from the best corner, (0, 1): a fifth when all points lie there, else all. */
export function reach(points) {
  return points.every(([wrong, found]) => wrong <= 0.2 && found >= 0.8) ? 0.2 : 1;
}
