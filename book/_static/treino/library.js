// TensorFlow.js as `train.js` uses it.
export * from "./tfjs/core.js";
export { initializers, layers, sequential } from "./tfjs/layers.js";
export { setWasmPaths } from "./tfjs/backend-wasm.js";
