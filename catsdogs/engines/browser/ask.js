// A worker and what is asked of it.
import { Problem } from "./problem.js";

/**
 * Start the worker of a folder, whose address ends in a slash. A policy in a page's <meta> does not bind a worker
 * that comes from a file; one that comes from a blob inherits it.
 *
 * Returns a function: (name, argument, { transfer, onProgress, signal }) → a promise of the value. What is aborted
 * ends early, with what it has.
 */
export function startWorker(folder) {
  const code = `self.folder = ${JSON.stringify(folder)}; importScripts(self.folder + "worker.js");`;
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(address);
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, value, progress, problem, error } }) => {
    URL.revokeObjectURL(address);
    const { resolve, reject, onProgress } = waiting.get(id);
    if (progress !== undefined) {
      onProgress?.(progress);
      return;
    }
    waiting.delete(id);
    if (error === undefined) {
      resolve(value);
    } else {
      reject(problem ? new Problem(problem) : new Error(error));
    }
  };
  worker.onerror = (event) => {
    URL.revokeObjectURL(address);
    waiting.forEach(({ reject }) => { reject(new Error(event.message)); });
    waiting.clear();
  };
  return (name, argument, { transfer = [], onProgress, signal } = {}) => new Promise((resolve, reject) => {
    const id = ++count;
    waiting.set(id, { resolve, reject, onProgress });
    signal?.addEventListener("abort", () => worker.postMessage({ stop: id }), { once: true });
    worker.postMessage({ id, name, argument }, transfer);
  });
}
