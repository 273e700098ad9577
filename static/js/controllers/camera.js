/** The camera: its stream in a video element, and pictures of what it sees now. */
import { cameraProblem } from "../core/camera_problem.js";
import { context2d, html } from "../views/dom.js";

/** Pictures have this many pixels along their shorter side: more than most networks take. */
const SHORTER_SIDE = 360;
const QUALITY = 0.92;

/** There is no camera to be had; the message says why. */
export class CameraProblem extends Error {}

export class Camera {
  #video;
  #canvas = html("canvas");
  /** @type {MediaStream | null} */
  #stream = null;
  #onEnd;

  /**
   * @param {HTMLVideoElement} video
   * @param {(reason: string) => void} onEnd  the camera has stopped by itself
   */
  constructor(video, onEnd) {
    this.#video = video;
    this.#onEnd = onEnd;
  }

  get running() {
    return this.#stream !== null;
  }

  /** Whether it looks at who sits before it, and is shown as a mirror would show it. */
  get mirrored() {
    return this.#stream?.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
  }

  /** @returns {Promise<void>} when there is a picture; rejects with CameraProblem */
  async start() {
    const devices = navigator.mediaDevices;
    if (!devices?.getUserMedia) throw new CameraProblem(cameraProblem("", isSecureContext));
    let stream;
    try {
      stream = await devices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } }, audio: false });
      this.#video.srcObject = stream;
      await this.#video.play();
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      throw new CameraProblem(cameraProblem(error instanceof Error ? error.name : "", isSecureContext));
    }
    this.#stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.stop();
      this.#onEnd(cameraProblem("ended", true));
    });
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
  }

  /** What it sees now, not mirrored. @returns {Promise<Blob | null>} null: nothing yet, or no more */
  async frame() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#stream || width === 0 || height === 0) return null;
    const scale = Math.min(1, SHORTER_SIDE / Math.min(width, height));
    [this.#canvas.width, this.#canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    context2d(this.#canvas).drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }
}
