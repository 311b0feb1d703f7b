// A classic worker, because LiteRT.js loads its WebAssembly with importScripts. What it does stands in modules: "a.b"
// asks for `b` of `a.js`. `folder`, where all files lie, was set by who started it (see `ask.js`).

const modules = new Map(); // address → a promise of the module

/**
 * A module, after those that it imports. By itself, Firefox would ask the policy's worker-src for these, which allows
 * blobs alone, and refuse them; what import() asks for, and what is there already, it takes.
 */
self.load = (address) => {
  const loading = modules.get(address) ?? loadInOrder(address);
  modules.set(address, loading);
  loading.catch(() => modules.delete(address));
  return loading;
};

async function loadInOrder(address) {
  const answer = await fetch(address);
  const imported = (await answer.text()).matchAll(/\bfrom\s*["'](\.[^"']+)["']/g);
  for (const [, name] of imported) {
    await self.load(new URL(name, address).href);
  }
  return import(address);
}

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
    const actions = await self.load(new URL(`${name.slice(0, dot)}.js`, self.folder).href);
    self.postMessage({ id, value: await actions[name.slice(dot + 1)](self.folder, argument, control) });
  } catch (error) {
    self.postMessage({ id, problem: error.name === "Problem" ? error.message : null, error: String(error) });
  }
}
