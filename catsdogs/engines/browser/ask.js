// A worker and what is asked of it.
import { Problem } from "./problem.js";

/**
 * Start the worker of a folder, whose address ends in a slash. A policy in a page's <meta> does not bind a worker
 * that comes from a file; one that comes from a blob inherits it.
 *
 * Returns a function: (action, argument, transfer) → a promise of its value.
 */
export function startWorker(folder) {
  const code = `self.folder = ${JSON.stringify(folder)}; importScripts(self.folder + "worker.js");`;
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(address);
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, value, problem, error } }) => {
    URL.revokeObjectURL(address);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) {
      resolve(value);
    } else {
      reject(problem ? new Problem(problem) : new Error(error));
    }
  };
  worker.onerror = (event) => {
    URL.revokeObjectURL(address);
    waiting.forEach(({ reject }) => reject(new Error(event.message)));
    waiting.clear();
  };
  return (action, argument, transfer = []) => new Promise((resolve, reject) => {
    waiting.set(++count, { resolve, reject });
    worker.postMessage({ id: count, action, argument }, transfer);
  });
}
