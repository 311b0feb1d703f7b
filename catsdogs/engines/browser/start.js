// The first script of a page whose code is in modules, which `data-module` names. Browsers load no module for a page
// opened from the disk: then it says what to do.
{
  const script = document.currentScript;
  const tell = () => {
    document.querySelector('[data-part="status"]').textContent = "Os navegadores não deixam uma página aberta do disco "
      + "ler o modelo: no terminal, rode “python -m http.server -d PASTA”, com a pasta do site no lugar de PASTA "
      + "(no livro, _build/html), e abra http://localhost:8000.";
  };
  if (location.protocol === "file:") {
    ["change", "click", "drop"].forEach((kind) => document.querySelector("#classificador").addEventListener(kind, tell));
    document.addEventListener("dragover", (event) => event.preventDefault());
  } else {
    import(new URL(script.dataset.module, script.src));
  }
}
