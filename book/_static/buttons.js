// The buttons on top of each page, whose theme would have their actions in attributes.

const actions = { "full-screen": () => window.toggleFullScreen(), print: () => window.print() };

document.addEventListener("click", (event) => {
  actions[event.target.closest("[data-action]")?.dataset.action]?.();
});
