// A classic worker, because LiteRT.js loads its WebAssembly with importScripts. What it does stands in modules: "a.b"
// asks for `b` of `a.js`. `folder`, where all files lie, was set by who started it (see `ask.js`).

const stopped = new Set();
let last = Promise.resolve(); // one thing at a time

self.onmessage = ({ data }) => {
  if (data.stop) {
    stopped.add(data.stop);
  } else {
    last = last.then(() => answer(data));
  }
};

async function answer({ id, name, argument }) {
  const dot = name.lastIndexOf(".");
  const control = {
    report: (progress) => self.postMessage({ id, progress }),
    /** Whether to stop; what was asked meanwhile is heard first. */
    stopped: async () => {
      await new Promise((resolve) => { setTimeout(resolve); });
      return stopped.delete(id);
    },
  };
  try {
    const actions = await import(`${self.folder}${name.slice(0, dot)}.js`);
    self.postMessage({ id, value: await actions[name.slice(dot + 1)](self.folder, argument, control) });
  } catch (error) {
    self.postMessage({ id, problem: error.name === "Problem" ? error.message : null, error: String(error) });
  }
}
