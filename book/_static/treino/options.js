// What the reader chooses of a training.

/** The numbers in the fields named units, dropout, rate, epochs and seed; one out of its range becomes the nearest. */
export function options(page) {
  return Object.fromEntries(["units", "dropout", "rate", "epochs", "seed"].map((name) => {
    const field = page.querySelector(`[name="${name}"]`);
    const given = Number.parseFloat(field.value.replace(",", "."));
    const value = Math.min(Number(field.max || Infinity), Math.max(Number(field.min || 0),
      Number.isFinite(given) ? given : Number(field.defaultValue)));
    field.value = value;
    return [name, value];
  }));
}
