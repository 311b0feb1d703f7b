// What the reader chooses of a training.
import { number } from "../interativo/elements.js";

/**
 * The numbers in the fields named units, dropout, rate, epochs and seed, and in those named besides. One that cannot be
 * used becomes the nearest that can, or the usual one, and the page says so.
 */
export function options(page, besides = []) {
  const told = [];
  const chosen = Object.fromEntries(["units", "dropout", "rate", "epochs", "seed", ...besides].map((name) => {
    const field = page.querySelector(`[name="${name}"]`);
    const [given, min, max] = [parsed(field.value), ...["min", "max"].map((end) => Number(field.getAttribute(end)))];
    const near = Math.min(max, Math.max(min, Number.isFinite(given) ? given : parsed(field.defaultValue)));
    const value = field.dataset.whole === undefined ? near : Math.round(near);
    if (value !== given) {
      const label = field.labels[0].firstChild.textContent.trim();
      told.push(`${label} ${fieldText(value)}, de ${fieldText(min)} a ${fieldText(max)}`);
    }
    field.value = field.type === "range" ? value : fieldText(value);
    return [name, value];
  }));
  page.querySelector('[data-part="corrected"]').textContent = told.length ? `Usei ${told.join("; ")}.` : "";
  return chosen;
}

/** A number as people write it here. */
function fieldText(value) {
  return number(value, 6, 0).replaceAll(".", "");
}

/** A number as people write it here, or as programs do; what is none becomes NaN. */
function parsed(text) {
  return Number.parseFloat(text.replace(",", "."));
}
