/**
 * Wires a page with a pad: what is drawn goes to the bench, and what comes back to the pad.
 *
 * @import {Drawing, Guessed, Inspection} from "../core/types.js"
 * @import {Command} from "../core/shortcuts.js"
 * @import {BenchModel} from "./bench.js"
 * @import {Input} from "./live_session.js"
 * @import {MakeNetworkView} from "./network_explorer.js"
 */
import { getExamples } from "../api.js";
import { certainty } from "../core/certainty.js";
import { decodeDrawing, encodeDrawing } from "../core/drawing_code.js";
import { MOST_POINTS, MOST_STROKES, PAD_SIDE, simplify } from "../core/geometry.js";
import { nextPrompt } from "../core/prompts.js";
import { UndoHistory } from "../core/undo.js";
import { recall, remember } from "../storage.js";
import { byId } from "../views/dom.js";
import { Examples } from "../views/examples.js";
import { Pad } from "../views/pad.js";
import { Prompt } from "../views/prompt.js";
import { Bench } from "./bench.js";
import { ImageInput } from "./image_input.js";
import { Keys } from "./keys.js";
import { ReplayControl } from "./replay_control.js";

/** Deviation, in pad units, that a stroke may have from where the pen went. */
const TOLERANCE = 1;
/** The pad's pen is this share of the network's, which fills in details. */
const PEN_SHARE = 0.5;

const STEPS = [
  "Draw a few strokes. The network guesses while the pen moves.",
  "Watch every layer take the drawing apart, from left to right.",
  "Open a layer, a channel of it, a cell of that: each shows its exact value.",
];

/** @type {Input} */
const NOTHING = { drawing: [], image: null };

/** @param {Input} input */
const isEmpty = (input) => input.drawing.length === 0 && input.image === null;

export class DrawPage {
  #categories;
  #history = new UndoHistory(NOTHING);
  #pad;
  #prompt;
  #bench;
  #replay;
  #images;
  #keys;
  #buttons = {
    undo: byId("undo", HTMLButtonElement),
    redo: byId("redo", HTMLButtonElement),
    clear: byId("clear", HTMLButtonElement),
    replay: byId("replay", HTMLButtonElement),
  };

  /**
   * @param {BenchModel} model
   * @param {MakeNetworkView} makeView  how the network is shown
   */
  constructor(model, makeView) {
    this.#categories = model.categories;
    this.#pad = new Pad(byId("pad", HTMLCanvasElement), {
      onDraw: (drawing) => this.#drawn(drawing),
      onStroke: (drawing) => this.#stroked(drawing),
      onSay: (text) => this.#bench.say(text),
    });
    this.#prompt = new Prompt({ onNext: () => this.#nextPrompt(), onNone: () => this.#setPrompt(null) });
    this.#bench = new Bench(model, makeView, { steps: STEPS, nothing: "Nothing is drawn yet, so there is no guess.", kept: "drawing" }, {
      onMoved: (foreign) => {
        if (foreign) this.#takeAddress(false);
      },
      onGuesses: (guessed) => this.#guessed(guessed),
      onInspection: (inspection, _drawing, thinned) => this.#inspected(inspection, thinned),
    });
    this.#replay = new ReplayControl(
      (drawing) => this.#replayed(drawing),
      () => this.#replayEnded(),
    );
    this.#images = new ImageInput(
      { frame: byId("pad-frame", HTMLElement), veil: byId("pad-drop", HTMLElement), button: byId("image-button", HTMLButtonElement), file: byId("image-file", HTMLInputElement) },
      (image) => this.#push({ drawing: [], image }),
      (reason) => this.#bench.toast(reason),
    );
    this.#keys = new Keys((command) => this.#command(command));
    this.#listen();
  }

  async start() {
    this.#takeAddress(true);
    void this.#bench.explorer.load();
    try {
      new Examples(byId("examples", HTMLElement), await getExamples(), (label, drawing) => {
        this.#setPrompt(null);
        this.#push({ drawing, image: null });
        this.#bench.say(`Example: ${label}.`);
      });
    } catch {
      // Without examples one can still draw.
      byId("examples-heading", HTMLElement).hidden = true;
    }
  }

  #listen() {
    for (const command of /** @type {const} */ (["undo", "redo", "clear", "replay"])) {
      this.#buttons[command].addEventListener("click", () => this.#command(command));
    }
    byId("link-button", HTMLButtonElement).addEventListener("click", () => void this.#copyLink());
    const frame = byId("pad-frame", HTMLElement);
    // A new stroke goes on from the whole drawing, not from where a replay is.
    for (const type of ["pointerdown", "keydown"]) frame.addEventListener(type, (event) => this.#interrupt(event), { capture: true });
    document.addEventListener("keydown", (event) => this.#stopReplay(event), { capture: true });
  }

  /** @param {Event} event */
  #interrupt(event) {
    if (event instanceof KeyboardEvent && event.key !== " ") return;
    this.#replay.cancel();
  }

  /** Esc stops a replay before it closes anything. @param {KeyboardEvent} event */
  #stopReplay(event) {
    if (event.key !== "Escape" || !this.#replay.running) return;
    event.preventDefault();
    event.stopPropagation();
    this.#replay.cancel();
  }

  /** @param {boolean} first */
  #takeAddress(first) {
    const { drawing: code, prompt } = this.#bench.address.state;
    let drawing = null;
    try {
      drawing = decodeDrawing(code || (first ? (recall("drawing") ?? "") : ""));
    } catch (error) {
      this.#bench.toast(error instanceof Error ? error.message : String(error));
    }
    const known = prompt !== null && this.#categories.includes(prompt) ? prompt : null;
    this.#setPrompt(known ?? (first && !drawing?.length ? nextPrompt(this.#categories, null) : null));
    if (drawing && drawing.length > 0) this.#push({ drawing, image: null });
    else this.#showInput();
  }

  /** @param {Command} command */
  #command(command) {
    if (command !== "replay") this.#replay.cancel();
    switch (command) {
      case "undo":
        this.#history.undo();
        return this.#showInput();
      case "redo":
        this.#history.redo();
        return this.#showInput();
      case "clear":
        if (!isEmpty(this.#history.current)) this.#push(NOTHING);
        return undefined;
      case "replay":
        return this.#toggleReplay();
      case "next-prompt":
        return this.#nextPrompt();
      case "focus-pad":
        return byId("pad", HTMLCanvasElement).focus();
      case "focus-network":
        return this.#bench.explorer.focus();
      case "image":
        return this.#images.choose();
      case "theme":
        return this.#bench.cycleTheme();
      default:
        return this.#keys.show();
    }
  }

  /** @param {Drawing} drawing */
  #drawn(drawing) {
    this.#bench.guesses.noteInk();
    if (this.#history.current.image) this.#pad.showImage(null);
    byId("pad-invitation", HTMLElement).hidden = true;
    this.#bench.offer({ drawing, image: null });
  }

  /** @param {Drawing} drawing */
  #stroked(drawing) {
    this.#bench.guesses.noteInk();
    const tidy = [...drawing.slice(0, -1), simplify(drawing[drawing.length - 1], TOLERANCE)];
    this.#pad.replace(tidy);
    this.#history.push({ drawing: tidy, image: null });
    this.#took();
  }

  /** @param {Input} input */
  #push(input) {
    this.#replay.cancel();
    this.#history.push(input);
    this.#showInput();
  }

  /** Show the current input on the pad and have it recognised. */
  #showInput() {
    this.#restore();
    this.#took();
  }

  /** The pad as the current input has it. */
  #restore() {
    const { drawing, image } = this.#history.current;
    this.#buttons.replay.querySelector("span")?.replaceChildren("Replay");
    this.#pad.show(drawing);
    this.#pad.showImage(null);
    if (image) void this.#showImage(image);
    byId("pad-invitation", HTMLElement).hidden = !isEmpty(this.#history.current);
  }

  /** The pad and the guesses as they were before the replay. */
  #replayEnded() {
    this.#restore();
    this.#bench.offer(this.#history.current);
  }

  /** @param {Blob} image */
  async #showImage(image) {
    try {
      const bitmap = await createImageBitmap(image);
      if (this.#history.current.image === image) this.#pad.showImage(bitmap);
    } catch {
      // Not an image that the browser can show; the server says what it makes of it.
    }
  }

  /** The current input has changed. */
  #took() {
    const input = this.#history.current;
    const empty = isEmpty(input);
    this.#buttons.undo.disabled = !this.#history.canUndo;
    this.#buttons.redo.disabled = !this.#history.canRedo;
    this.#buttons.clear.disabled = empty;
    this.#buttons.replay.disabled = input.drawing.length === 0;
    const code = encodeDrawing(input.drawing);
    this.#bench.address.note({ drawing: code });
    // An image, which may turn out to be none, does not take away what was drawn before it.
    if (!input.image) remember("drawing", code || null);
    this.#bench.offer(empty ? null : input);
    if (empty) {
      this.#prompt.setRecognised(false);
      byId("pad-note", HTMLElement).hidden = true;
    }
  }

  /**
   * @param {Inspection} inspection
   * @param {boolean} thinned
   */
  #inspected(inspection, thinned) {
    const lineWidth = inspection.input.preprocessing.line_width;
    if (lineWidth) this.#pad.setPenWidth((lineWidth / 28) * PAD_SIDE * PEN_SHARE);
    const note = byId("pad-note", HTMLElement);
    note.hidden = !thinned;
    note.textContent = `The drawing has more than ${MOST_POINTS} points or ${MOST_STROKES} strokes; less of it was sent.`;
  }

  /** @param {Guessed} guessed */
  #guessed({ predictions, unknown = false }) {
    const prompt = this.#bench.address.state.prompt;
    const recognised = prompt !== null && !unknown && predictions[0]?.label === prompt;
    this.#prompt.setRecognised(recognised);
    // That it does not know is said when it is shown, which waits a little.
    if (!unknown) this.#bench.say(recognised ? `Recognised: ${prompt}!` : certainty(predictions).sentence);
  }

  #toggleReplay() {
    if (this.#replay.running) return this.#replay.cancel();
    const { drawing } = this.#history.current;
    if (drawing.length === 0) return undefined;
    this.#buttons.replay.querySelector("span")?.replaceChildren("Stop");
    return this.#replay.start(drawing);
  }

  /** @param {Drawing} drawing */
  #replayed(drawing) {
    this.#pad.replace(drawing);
    if (drawing.length > 0) this.#bench.offer({ drawing, image: null });
  }

  #nextPrompt() {
    this.#setPrompt(nextPrompt(this.#categories, this.#bench.address.state.prompt));
    if (!isEmpty(this.#history.current)) this.#push(NOTHING);
  }

  /** @param {string | null} prompt */
  #setPrompt(prompt) {
    this.#bench.address.note({ prompt });
    this.#prompt.show(prompt);
    this.#bench.guesses.setPrompt(prompt);
  }

  #copyLink() {
    const held = this.#history.current.image ? "this view, without the image" : "this drawing and this view";
    return this.#bench.copyLink(held);
  }
}
