/**
 * Wires a page whose network takes pictures, or only examples of its own: what is opened, dropped,
 * pasted, chosen or seen by the camera goes to the bench.
 *
 * @import {Drawing, Guessed, Inspection, SessionStatus} from "../core/types.js"
 * @import {Command} from "../core/shortcuts.js"
 * @import {BenchModel} from "./bench.js"
 * @import {MakeNetworkView} from "./network_explorer.js"
 * @import {ListedSample} from "../views/sample_list.js"
 */
import { certainty } from "../core/certainty.js";
import { decodeDrawing, encodeDrawing } from "../core/drawing_code.js";
import { SAMPLE_SIDE, samplePixels, SAMPLES } from "../core/samples.js";
import { UndoHistory } from "../core/undo.js";
import { recall } from "../storage.js";
import { byId, context2d, html } from "../views/dom.js";
import { PictureView } from "../views/picture_view.js";
import { SampleList } from "../views/sample_list.js";
import { Bench } from "./bench.js";
import { Camera, CameraProblem } from "./camera.js";
import { ImageInput } from "./image_input.js";
import { Keys } from "./keys.js";

/** Milliseconds until the camera tries again after the server has refused a picture. */
const PAUSE = 1000;

/**
 * @typedef {object} Chosen  An input, and which sample it is, if it is one.
 * @property {Drawing} drawing
 * @property {Blob | null} image
 * @property {number | null} example
 * @property {string | null} sample
 */

/** @type {Chosen} */
const NOTHING = { drawing: [], image: null, example: null, sample: null };

/** @param {Chosen} chosen */
const isEmpty = ({ drawing, image, example }) => drawing.length === 0 && image === null && example === null;

const OF_IMAGES = {
  steps: ["Open, drop or paste a picture, or start the camera.", "Watch every layer take it apart, from left to right.", "Open a layer, a channel of it, a cell of that: each shows its exact value."],
  nothing: "No picture is open yet, so there is no guess.",
  received: "A picture is scaled, cropped and normalised to what the network takes.",
  kept: "picture",
};
const OF_EXAMPLES = {
  steps: ["This network takes no pictures: it runs on examples of its own.", "Open a layer, a channel of it, a cell of that: each shows its exact value."],
  nothing: "",
  received: "The example goes to the network exactly as it is.",
  kept: "example",
};

export class PicturePage {
  /** @type {UndoHistory<Chosen>} */
  #history = new UndoHistory(NOTHING);
  #view = new PictureView(byId("picture", HTMLElement));
  #bench;
  #samples;
  #list;
  #takesImages;
  #camera;
  #opened = false;
  #paused = false;
  #said = "";
  #keys;
  #buttons;
  /** @type {ImageInput | null} */
  #images = null;

  /**
   * @param {BenchModel & {input: string, examples: number}} model
   * @param {MakeNetworkView} makeView  how the network is shown
   */
  constructor(model, makeView) {
    this.#takesImages = model.input === "image";
    this.#bench = new Bench(model, makeView, this.#takesImages ? OF_IMAGES : OF_EXAMPLES, {
      onMoved: (foreign) => {
        if (foreign) void this.#takeAddress();
      },
      onGuesses: (guessed) => this.#guessed(guessed),
      onInspection: (inspection) => this.#inspected(inspection),
      onStatus: (status) => this.#statusChanged(status),
      onBusy: (busy) => {
        if (!busy) void this.#nextFrame();
      },
    });
    this.#camera = new Camera(this.#view.video, (reason) => {
      this.#cameraStopped();
      this.#note(reason);
    });
    this.#samples = samplesOf(model.examples, this.#takesImages);
    this.#list = new SampleList(byId("samples", HTMLElement), this.#samples, (sample) => void this.#choose(sample));
    this.#keys = new Keys((command) => this.#command(command));
    byId("link-button", HTMLButtonElement).addEventListener("click", () => void this.#copyLink());
    this.#buttons = this.#takesImages ? this.#listen() : null;
  }

  async start() {
    void this.#bench.explorer.load();
    await this.#takeAddress();
  }

  #listen() {
    const buttons = {
      undo: byId("undo", HTMLButtonElement),
      redo: byId("redo", HTMLButtonElement),
      clear: byId("clear", HTMLButtonElement),
      camera: byId("camera-button", HTMLButtonElement),
    };
    for (const command of /** @type {const} */ (["undo", "redo", "clear", "camera"])) {
      buttons[command].addEventListener("click", () => this.#command(command));
    }
    this.#images = new ImageInput(
      { frame: byId("picture-frame", HTMLElement), veil: byId("pad-drop", HTMLElement), button: byId("image-button", HTMLButtonElement), file: byId("image-file", HTMLInputElement) },
      (image) => this.#push({ ...NOTHING, image }),
      (reason) => this.#note(reason),
    );
    return buttons;
  }

  /** What the address says is the input; else the first sample. */
  async #takeAddress() {
    const { drawing: code } = this.#bench.address.state;
    const name = this.#bench.address.setting("sample");
    try {
      const drawing = this.#takesImages && code ? decodeDrawing(code) : [];
      if (drawing.length > 0) return this.#push({ ...NOTHING, drawing });
    } catch (error) {
      this.#note(error instanceof Error ? error.message : String(error));
    }
    return this.#choose(this.#samples.find((sample) => sample.name === name) ?? this.#samples[0]);
  }

  /** @param {ListedSample} sample */
  async #choose({ name, label, source }) {
    if (source.kind === "example") this.#push({ ...NOTHING, example: source.number, sample: name });
    else if (source.kind === "drawing") this.#push({ ...NOTHING, drawing: source.drawing });
    else this.#push({ ...NOTHING, image: await painted(source.sample), sample: name });
    this.#bench.say(`${label}.`);
  }

  /** @param {Command} command */
  #command(command) {
    switch (command) {
      case "undo":
      case "redo":
        this.#stopCamera(false);
        if (command === "undo") this.#history.undo();
        else this.#history.redo();
        return this.#show();
      case "clear":
        this.#stopCamera(false);
        return isEmpty(this.#history.current) ? undefined : this.#push(NOTHING);
      case "image":
        return this.#images?.choose();
      case "camera":
        return this.#takesImages ? void this.#toggleCamera() : undefined;
      case "focus-pad":
        return byId("picture", HTMLElement).focus();
      case "focus-network":
        return this.#bench.explorer.focus();
      case "theme":
        return this.#bench.cycleTheme();
      case "keys":
        return this.#keys.show();
      default:
        return undefined;
    }
  }

  /** @param {Chosen} chosen */
  #push(chosen) {
    this.#stopCamera(false);
    // What the page opens with is where undoing ends.
    if (this.#opened) this.#history.push(chosen);
    else this.#history = new UndoHistory(chosen);
    this.#opened = true;
    this.#show();
  }

  /** Show the current input and have it looked at. */
  #show() {
    const chosen = this.#history.current;
    const { drawing, image, sample } = chosen;
    const empty = isEmpty(chosen);
    this.#note("");
    if (image) this.#view.showImage(image);
    else if (drawing.length > 0) this.#view.showDrawing(drawing);
    else this.#view.clear();
    this.#list.mark(sample ?? (drawing.length > 0 ? "drawing" : null));
    const invitation = document.getElementById("picture-invitation");
    if (invitation) invitation.hidden = !empty;
    if (this.#buttons) {
      this.#buttons.undo.disabled = !this.#history.canUndo;
      this.#buttons.redo.disabled = !this.#history.canRedo;
      this.#buttons.clear.disabled = empty;
    }
    this.#bench.address.note({ drawing: encodeDrawing(drawing) });
    this.#bench.address.set("sample", sample);
    this.#said = "";
    this.#bench.offer(empty ? null : chosen);
  }

  /** @param {Inspection} inspection */
  #inspected({ input }) {
    if (this.#history.current.example !== null && !this.#camera.running) {
      if (input.image === null) this.#view.showWords(`No picture: ${input.shape.join(" × ")} values.`);
      else if (!Array.isArray(input.image)) this.#view.showColours(input.image);
    }
  }

  /** @param {Guessed} guessed */
  #guessed({ predictions, unknown = false }) {
    const label = predictions[0]?.label ?? "";
    // Of a camera's pictures only what is new is read out.
    if (label === this.#said) return;
    this.#said = label;
    if (!unknown) this.#bench.say(certainty(predictions).sentence);
  }

  /** @param {SessionStatus} status */
  #statusChanged(status) {
    if (status.state !== "refused" || !this.#camera.running) return;
    this.#paused = true;
    setTimeout(() => {
      this.#paused = false;
      void this.#nextFrame();
    }, PAUSE);
  }

  async #toggleCamera() {
    if (this.#camera.running) return this.#stopCamera(true);
    this.#note("");
    try {
      await this.#camera.start();
    } catch (error) {
      if (!(error instanceof CameraProblem)) throw error;
      this.#note(error.message);
      return undefined;
    }
    this.#view.showVideo(this.#camera.mirrored);
    const invitation = document.getElementById("picture-invitation");
    if (invitation) invitation.hidden = true;
    this.#list.mark(null);
    this.#cameraShown(true);
    this.#bench.say("The camera is on. The network looks at what it sees.");
    return this.#nextFrame();
  }

  /** @param {boolean} keep  whether its last picture stays as the input */
  #stopCamera(keep) {
    if (!this.#camera.running) return;
    void this.#camera.frame().then((image) => {
      if (keep && image) this.#push({ ...NOTHING, image });
    });
    this.#camera.stop();
    this.#cameraStopped();
  }

  #cameraStopped() {
    this.#cameraShown(false);
    this.#show();
  }

  /** @param {boolean} on */
  #cameraShown(on) {
    byId("picture-frame", HTMLElement).toggleAttribute("data-live", on);
    const button = this.#buttons?.camera;
    if (!button) return;
    button.ariaPressed = String(on);
    button.querySelector("span")?.replaceChildren(on ? "Stop" : "Camera");
  }

  /** The newest picture wins: one is sent when the one before has been answered. */
  async #nextFrame() {
    if (!this.#camera.running || this.#paused) return;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const image = await this.#camera.frame();
    if (!this.#camera.running) return;
    if (image) this.#bench.offer({ ...NOTHING, image });
    else setTimeout(() => void this.#nextFrame(), PAUSE / 10);
  }

  #copyLink() {
    const { image, sample } = this.#history.current;
    return this.#bench.copyLink(image && sample === null ? "this view, without the picture" : "this input and this view");
  }

  /** @param {string} text  what is wrong with an input; "": nothing */
  #note(text) {
    const note = byId("picture-note", HTMLElement);
    note.textContent = text;
    note.hidden = text === "";
  }
}

/**
 * @param {number} examples  how many the model has
 * @param {boolean} takesImages
 * @returns {ListedSample[]}
 */
function samplesOf(examples, takesImages) {
  /** @type {ListedSample[]} */
  const own = Array.from({ length: examples }, (_, number) => ({ name: `example-${number}`, label: `Example ${number}`, source: { kind: "example", number } }));
  if (!takesImages) return own;
  /** @type {ListedSample[]} */
  const pictures = SAMPLES.map((sample) => ({ name: sample.name, label: sample.label, source: { kind: "picture", sample } }));
  return [...own, ...pictures, ...lastDrawing()];
}

/** The drawing that the pad of another page keeps. @returns {ListedSample[]} */
function lastDrawing() {
  try {
    const drawing = decodeDrawing(recall("drawing") ?? "");
    return drawing.length > 0 ? [{ name: "drawing", label: "Your drawing", source: { kind: "drawing", drawing } }] : [];
  } catch {
    return [];
  }
}

/** @param {import("../core/samples.js").Sample} sample @returns {Promise<Blob | null>} a PNG */
function painted(sample) {
  const canvas = html("canvas", { width: SAMPLE_SIDE, height: SAMPLE_SIDE });
  context2d(canvas).putImageData(new ImageData(samplePixels(sample, SAMPLE_SIDE), SAMPLE_SIDE, SAMPLE_SIDE), 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
