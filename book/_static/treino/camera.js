// The reader's camera.
import { Problem } from "../experimente/problem.js";

/** A video element → { start, stop, frame, running }. */
export function camera(video) {
  let stream;
  return {
    running: () => Boolean(stream),
    /** Ask for the camera. Throws a Problem. */
    async start() {
      try {
        const wanted = { width: 640, height: 480, facingMode: "environment" };
        stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
      } catch (error) {
        throw new Problem(reason(error));
      }
      video.srcObject = stream;
      video.hidden = false;
      await video.play();
    },
    stop() {
      stream?.getTracks().forEach((track) => { track.stop(); });
      stream = undefined;
      video.srcObject = null;
      video.hidden = true;
    },
    /** What it sees now, an ImageBitmap; null before the first picture. */
    frame: () => (stream && video.videoWidth ? createImageBitmap(video) : Promise.resolve(null)),
  };
}

function reason(error) {
  if (!navigator.mediaDevices) {
    return "Só páginas seguras, de endereço https, podem usar a câmera: escolha fotos do seu dispositivo.";
  }
  return error.name === "NotFoundError" ? "Não encontrei uma câmera: escolha fotos do seu dispositivo."
    : "O navegador não deixou usar a câmera: permita-a nas configurações desta página, ou escolha fotos.";
}
