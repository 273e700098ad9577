/** Images from a file, the clipboard or a drop. */

/** Larger files are refused before they are sent: the server's limit, unless it is set lower. */
export const MOST_BYTES = 10 * 1024 * 1024;

/** @typedef {{frame: HTMLElement, veil: HTMLElement, button: HTMLButtonElement, file: HTMLInputElement}} ImageElements */

export class ImageInput {
  #stop = new AbortController();
  #onImage;
  #onRefused;
  #file;

  /**
   * @param {ImageElements} elements
   * @param {(image: Blob) => void} onImage
   * @param {(reason: string) => void} onRefused
   */
  constructor({ frame, veil, button, file }, onImage, onRefused) {
    this.#onImage = onImage;
    this.#onRefused = onRefused;
    this.#file = file;
    const signal = this.#stop.signal;
    button.addEventListener("click", () => this.choose(), { signal });
    file.addEventListener(
      "change",
      () => {
        this.#take(file.files?.[0]);
        file.value = "";
      },
      { signal },
    );
    document.addEventListener("paste", (event) => this.#paste(event), { signal });
    document.addEventListener(
      "dragover",
      (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        veil.hidden = false;
      },
      { signal },
    );
    document.addEventListener("dragleave", (event) => (veil.hidden = event.relatedTarget === null || veil.hidden), { signal });
    document.addEventListener(
      "drop",
      (event) => {
        veil.hidden = true;
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        this.#take(event.dataTransfer.files[0]);
      },
      { signal },
    );
    frame.addEventListener("dragend", () => (veil.hidden = true), { signal });
  }

  choose() {
    this.#file.click();
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    this.#take(file);
  }

  /** @param {File | undefined} file */
  #take(file) {
    if (!file) return;
    if (file.size > MOST_BYTES) this.#onRefused(`The image has ${Math.ceil(file.size / 1024 / 1024)} MB; ${MOST_BYTES / 1024 / 1024} MB is the limit.`);
    else this.#onImage(file);
  }

  destroy() {
    this.#stop.abort();
  }
}
