// The first script of a page whose code is in modules, which each section names in `data-module`. Browsers load no
// module for a page opened from the disk: then it says what to do.
for (const section of document.querySelectorAll("section[data-module]")) {
  if (location.protocol !== "file:") {
    import(new URL(section.dataset.module, document.currentScript.src));
    continue;
  }
  const tell = () => {
    section.querySelector('[data-part="status"]').textContent = "Os navegadores não deixam uma página aberta do disco "
      + "ler o modelo: no terminal, rode “python -m http.server -d PASTA”, com a pasta do site no lugar de PASTA "
      + "(no livro, _build/html), e abra http://localhost:8000.";
  };
  ["change", "click", "drop"].forEach((kind) => { section.addEventListener(kind, tell); });
  section.addEventListener("dragover", (event) => event.preventDefault());
}
