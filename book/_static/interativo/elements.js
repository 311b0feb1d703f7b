// What all figures share: elements, and numbers as the book writes them.

/** A new HTML element: name → attributes → children, nodes or texts. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** A new SVG element, in the same way. */
export function drawing(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** A number with so many decimals, or at least so many, a comma and a real minus sign: −0.5 → "−0,50". */
export function number(value, digits, least = digits) {
  const rounded = Math.round(value * 10 ** digits) / 10 ** digits + 0; // what rounds to zero has no sign
  const options = { minimumFractionDigits: least, maximumFractionDigits: digits };
  return rounded.toLocaleString("pt-BR", options).replace("-", "−");
}

/** A share, 0 to 1, as a percentage: 0.983 → "98,3%". */
export function percent(share) {
  return `${number(100 * share, 1)}%`;
}
