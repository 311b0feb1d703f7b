// A classic worker, because LiteRT.js loads its WebAssembly with importScripts. What it does stands in `model.js`.
// `folder`, where all files lie, was set by who started it (see `ask.js`).

let last = Promise.resolve(); // one thing at a time

self.onmessage = ({ data: { id, action, argument } }) => {
  last = last.then(async () => {
    try {
      const actions = await import(`${self.folder}model.js`);
      self.postMessage({ id, value: await actions[action](self.folder, argument) });
    } catch (error) {
      self.postMessage({ id, problem: error.name === "Problem" ? error.message : null, error: String(error) });
    }
  });
};
