// Starts the figures that a reader can play with: `data-interativo="NAME"` is filled by interativo/NAME.js.
// No module, because browsers load none for a page opened from the disk; there the sentence in its place stays.

if (location.protocol !== "file:") {
  const here = document.currentScript.src;
  for (const place of document.querySelectorAll("[data-interativo]")) {
    import(new URL(`interativo/${place.dataset.interativo}.js`, here)).then(({ start }) => start(place));
  }
}
