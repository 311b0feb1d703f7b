// The first script of a page whose code is in modules, which each section names in `data-module`. Browsers load no
// module for a page opened from the disk: then it says what to do.
for (const section of document.querySelectorAll("section[data-module]")) {
  const say = (text) => { section.querySelector('[data-part="status"]').textContent = text; };
  if (location.protocol !== "file:") {
    section.inert = true; // until it listens: what is pressed before would do nothing
    import(new URL(section.dataset.module, document.currentScript.src))
      .catch(() => say("Não consegui carregar o código desta página: confira a conexão e recarregue."))
      .finally(() => { section.inert = false; });
    continue;
  }
  const tell = () => {
    say("Os navegadores não deixam uma página aberta do disco "
      + "ler o modelo: no terminal, rode “python -m http.server -d PASTA”, com a pasta do site no lugar de PASTA "
      + "(no livro, _build/html), e abra http://localhost:8000.");
  };
  ["change", "click", "drop"].forEach((kind) => { section.addEventListener(kind, tell); });
  section.addEventListener("dragover", (event) => event.preventDefault());
}
