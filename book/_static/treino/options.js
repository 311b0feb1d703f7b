// What the reader chooses of a training.

/**
 * The numbers in the fields named units, dropout, rate, epochs and seed, and in those named besides; one out of its
 * range becomes the nearest.
 */
export function options(page, besides = []) {
  return Object.fromEntries(["units", "dropout", "rate", "epochs", "seed", ...besides].map((name) => {
    const field = page.querySelector(`[name="${name}"]`);
    const given = parsed(field.value);
    const near = Math.min(Number(field.max || Infinity), Math.max(Number(field.min || 0),
      Number.isFinite(given) ? given : parsed(field.defaultValue)));
    const value = field.type === "number" && !field.step ? Math.round(near) : near; // as many units as there can be
    field.value = value;
    return [name, value];
  }));
}

/** A number as people write it here, or as programs do. */
function parsed(text) {
  return Number.parseFloat(text.replace(",", "."));
}
