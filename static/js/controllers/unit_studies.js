/**
 * What else can be known of the chosen value, each fetched only while it is open: the window step by
 * step, its field in every layer on the way, what a pixel can change, and how much each pixel counts.
 *
 * @import {ColumnPart, ProjectiveField, SlidingWindow} from "../core/field_types.js"
 * @import {Cell, Inspection, LayerNode, ReceptiveField, UnitAddress} from "../core/types.js"
 * @import {Address} from "./address.js"
 * @import {StudyAddress} from "./study_address.js"
 * @import {Microscope} from "../views/microscope.js"
 * @import {ReceptiveFieldView} from "../views/receptive_field.js"
 * @import {From} from "../views/projective_field.js"
 */
import { ApiProblem, getChannel, getFieldColumn, getProjectiveField, getSlidingWindow, Unreachable } from "../api.js";
import { inputSize } from "../core/input_image.js";
import { NewestWins } from "../core/newest_wins.js";
import { regionPath } from "../core/regions.js";
import { hasWindow } from "../core/sliding_window.js";
import { FieldColumnView } from "../views/field_column.js";
import { ProjectiveFieldView } from "../views/projective_field.js";
import { WindowPlayer } from "../views/window_player.js";
import { EffectiveMeasurement } from "./effective_measurement.js";

/** Maps of the column that are fetched at the same time. */
const AT_ONCE = 4;

/**
 * @typedef {object} StudiesHost  Where the studies stand.
 * @property {ReceptiveFieldView} field
 * @property {Microscope} microscope
 *
 * @typedef {object} StudiesHandlers
 * @property {() => void} onLost
 * @property {(layer: string, channel: number | null, cell: Cell | null) => void} onGo
 */

export class UnitStudies {
  #model;
  #host;
  #address;
  #opened;
  #handlers;
  #player;
  #column;
  #reach;
  #effective;
  #version = "";
  /** @type {Inspection | null} */
  #inspection = null;
  /** @type {UnitAddress | null} */
  #unit = null;
  /** The layer and channel that are open, whether or not a cell is chosen. @type {{node: LayerNode, channel: number | null} | null} */
  #open = null;
  /** @type {From} */
  #from = "pixel";
  /** @type {Cell | null} */
  #pixel = null;
  /** @type {ProjectiveField | null} */
  #projective = null;
  /** What is shown, so that nothing is fetched twice, unless something else is on its way. */
  #shown = { column: "", window: "", reach: "" };
  /** @type {number | null} */
  #inputChannel = null;
  /** Whether the address has said what to show, and nothing has been read since. */
  #applied = false;
  /** Where the address says that the window stands, until it stands there. @type {number | null} */
  #step = null;
  /** @type {ColumnPart[]} */
  #wanted = [];
  #fetching = 0;
  /** @type {NewestWins<{key: string, run: () => Promise<void>, fail: (reason: string) => void}>[]} */
  #loops = [0, 1, 2].map(() => new NewestWins((job) => this.#run(job)));

  /**
   * @param {string} model
   * @param {StudiesHost} host
   * @param {Address} address
   * @param {StudyAddress} opened
   * @param {StudiesHandlers} handlers
   */
  constructor(model, host, address, opened, handlers) {
    this.#model = model;
    this.#host = host;
    this.#address = address;
    this.#opened = opened;
    this.#handlers = handlers;
    const { below } = host.microscope;
    this.#player = new WindowPlayer(below, {
      onToggle: (open, byReader) => {
        if (byReader) opened.set("player", open);
        if (byReader && !open) this.#set("step", null);
        this.#readWindow();
      },
      onStep: (step) => this.#set("step", String(step)),
      onInputChannel: (channel) => {
        this.#inputChannel = channel;
        this.#set("source", String(channel));
        this.#readWindow();
      },
    });
    this.#column = new FieldColumnView(below, {
      onToggle: (open, byReader) => {
        if (byReader) opened.set("column", open);
        this.#readColumn();
      },
      onWant: (part) => this.#want(part),
      onGo: ({ layer, channel }) => handlers.onGo(layer, channel, null),
    });
    this.#reach = new ProjectiveFieldView(below, {
      onToggle: (open, byReader) => {
        if (byReader) opened.set("reach", open);
        this.#readReach();
      },
      onFrom: (from) => {
        this.#from = from;
        this.#set("from", from === "cell" ? from : null);
        this.#readReach();
      },
      onPixel: (pixel) => {
        this.#pixel = pixel;
        this.#set("pixel", `${pixel.row},${pixel.column}`);
        this.#readReach();
      },
      onLayer: (layer) => handlers.onGo(layer, null, null),
    });
    this.#effective = new EffectiveMeasurement(host.field, handlers.onLost, (over) => this.#set("heat", over));
  }

  /** Take what the address says is open, and how; it is shown once the value is chosen. */
  apply() {
    const setting = (/** @type {"from" | "pixel" | "step" | "source" | "heat"} */ name) => this.#address.setting(name);
    const { open } = this.#opened;
    const [row, column] = (setting("pixel") ?? "").split(",").map(Number);
    const step = setting("step");
    this.#from = setting("from") === "cell" ? "cell" : "pixel";
    this.#pixel = setting("pixel") === null ? null : { row, column };
    this.#inputChannel = setting("source") === null ? null : Number(setting("source"));
    this.#step = step === null ? null : Number(step);
    this.#player.setOpen(open.has("player"));
    this.#column.setOpen(open.has("column"));
    this.#reach.setOpen(open.has("reach"));
    this.#effective.apply(/** @type {import("../core/field_types.js").Over | null} */ (setting("heat")));
    this.#applied = true;
  }

  /** @param {"from" | "pixel" | "step" | "source" | "heat"} name @param {string | null} value */
  #set(name, value) {
    if (value !== this.#address.setting(name)) this.#address.set(name, value);
  }

  /** @param {string} version  of the model */
  setVersion(version) {
    this.#version = version;
  }

  /** @param {Inspection | null} inspection  of the current input */
  setInspection(inspection) {
    this.#inspection = inspection;
    if (inspection) {
      this.#version = inspection.version;
      this.#showImage(inspection);
    }
    this.#shown = { column: "", window: "", reach: this.#shown.reach };
    this.#effective.setInspection(inspection);
    this.#read();
  }

  /**
   * What is open, and the value that is chosen in it.
   *
   * @param {LayerNode | null} node
   * @param {number | null} channel
   * @param {UnitAddress | null} unit
   */
  choose(node, channel, unit) {
    const other = node?.name !== this.#open?.node.name || channel !== this.#open?.channel;
    this.#open = node ? { node, channel } : null;
    const moved = JSON.stringify(unit) !== JSON.stringify(this.#unit);
    this.#unit = unit;
    if (moved) this.#effective.choose(unit);
    if (other) this.#host.microscope.mark("");
    if (moved || other || this.#applied) this.#read();
    this.#applied = false;
  }

  /**
   * The receptive field of a value has come.
   *
   * @param {UnitAddress} unit
   * @param {ReceptiveField} field
   */
  setField(unit, field) {
    this.#effective.setField(unit, field);
  }

  #read() {
    this.#readWindow();
    this.#readColumn();
    this.#readReach();
  }

  /** @param {Inspection} inspection */
  #showImage({ input: { image, shape } }) {
    const [height, width] = image ? inputSize(image) : shape.slice(-2);
    this.#column.setImage(image);
    this.#reach.setImage(image, [height, width]);
  }

  #readWindow() {
    const open = this.#open;
    const inspection = this.#inspection;
    const there = open !== null && open.channel !== null && open.node.shape.length > 2 && hasWindow(open.node.kind);
    this.#player.setHidden(!there || !inspection);
    if (!there || !inspection || !this.#player.open || open.channel === null) return;
    const { name } = open.node;
    const channel = open.channel;
    // Of pooling each channel reads itself.
    const input = /pool/i.test(open.node.kind) ? null : this.#inputChannel;
    const key = [inspection.id, name, channel, input].join(" ");
    const cell = this.#unit ? { row: this.#unit.y, column: this.#unit.x } : null;
    if (this.#shown.window === key && !this.#loops[0].busy) {
      if (this.#step !== null && this.#step !== this.#player.step) this.#player.goTo(this.#step);
      this.#step = null;
      return;
    }
    this.#player.await();
    this.#loops[0].offer({
      key,
      run: async () => {
        const window = await this.#windowOf(inspection.id, name, channel, input);
        if (this.#loops[0].superseded || this.#inspection?.id !== inspection.id || this.#open?.node.name !== name || this.#open.channel !== channel) return;
        this.#player.show(window, this.#step ?? (this.#shown.window ? null : cell));
        this.#step = null;
        this.#shown.window = key;
      },
      fail: (reason) => this.#player.fail(reason),
    });
  }

  /**
   * @param {string} id
   * @param {string} layer
   * @param {number} channel
   * @param {number | null} input
   * @returns {Promise<SlidingWindow>}
   */
  async #windowOf(id, layer, channel, input) {
    try {
      return await getSlidingWindow(id, layer, channel, input);
    } catch (error) {
      // Of groups another channel may read others: the first that it reads, then.
      if (input === null || !(error instanceof ApiProblem) || error.status !== 404) throw error;
      this.#inputChannel = null;
      this.#set("source", null);
      return getSlidingWindow(id, layer, channel, null);
    }
  }

  #readColumn() {
    const unit = this.#unit;
    const inspection = this.#inspection;
    this.#column.setHidden(!unit || !inspection);
    if (!unit || !inspection || !this.#column.open) return;
    const key = [inspection.id, unit.layer, unit.channel, unit.y, unit.x].join(" ");
    if (this.#shown.column === key && !this.#loops[1].busy) return;
    this.#column.await();
    this.#loops[1].offer({
      key,
      run: async () => {
        const column = await getFieldColumn(inspection.id, unit);
        if (this.#loops[1].superseded || this.#inspection?.id !== inspection.id) return;
        this.#wanted = [];
        this.#column.show(column);
        this.#shown.column = key;
      },
      fail: (reason) => this.#column.fail(reason),
    });
  }

  /** Fetch the map of a part of the column, a few at the same time. @param {ColumnPart} part */
  #want(part) {
    this.#wanted.push(part);
    void this.#fetchMaps();
  }

  async #fetchMaps() {
    while (this.#fetching < AT_ONCE) {
      const part = this.#wanted.shift();
      const id = this.#inspection?.id;
      if (!part || !id) return;
      this.#fetching += 1;
      try {
        const channel = await getChannel(id, part.layer, part.channel);
        if (this.#inspection?.id === id) this.#column.update(channel);
      } catch (error) {
        if (error instanceof Unreachable || (error instanceof ApiProblem && error.status === 410)) {
          this.#wanted = [];
          this.#handlers.onLost();
        }
      } finally {
        this.#fetching -= 1;
      }
    }
  }

  #readReach() {
    const open = this.#open;
    const spatial = this.#inspection?.input.shape.length === 3;
    this.#reach.setHidden(!open || !this.#inspection || (!spatial && !this.#unit));
    if (this.#inspection && !spatial) this.#from = "cell";
    this.#reach.setSource(this.#from, this.#pixel);
    if (!open || !this.#version || !this.#reach.open) return this.#mark(null);
    const place = this.#source();
    if (typeof place === "string") {
      this.#shown.reach = "";
      this.#projective = null;
      this.#mark(null);
      return this.#reach.fail(place);
    }
    const key = JSON.stringify([this.#version, place]);
    const { name } = open.node;
    if (this.#shown.reach === key && this.#projective && !this.#loops[2].busy) {
      this.#reach.show(this.#projective, name);
      return this.#mark(this.#projective);
    }
    this.#reach.await();
    this.#loops[2].offer({
      key,
      run: async () => {
        const field = await getProjectiveField(this.#model, this.#version, place);
        if (this.#loops[2].superseded) return;
        this.#projective = field;
        this.#shown.reach = key;
        this.#reach.show(field, this.#open?.node.name ?? name);
        this.#mark(field);
      },
      fail: (reason) => this.#reach.fail(reason),
    });
  }

  /** From where; or what there is to do first. */
  #source() {
    if (this.#from === "pixel") {
      if (!this.#pixel) return "Choose a pixel of the image: click on it, or move to it with the arrow keys.";
      return { source: null, channel: null, y: this.#pixel.row, x: this.#pixel.column };
    }
    if (!this.#unit) return "Choose a cell of the map above first.";
    const { layer, channel, y, x, shape } = this.#unit;
    return { source: layer, channel, y: shape.length > 3 ? y : null, x: shape.length > 2 ? x : null };
  }

  /** Outline in the open map what can be changed. @param {ProjectiveField | null} field */
  #mark(field) {
    const here = field?.layers.find(({ layer }) => layer === this.#open?.node.name);
    this.#host.microscope.mark(here ? regionPath(here) : "");
  }

  /** @param {{key: string, run: () => Promise<void>, fail: (reason: string) => void}} job */
  async #run({ run, fail }) {
    try {
      await run();
    } catch (error) {
      if (error instanceof Unreachable || (error instanceof ApiProblem && error.status === 410)) this.#handlers.onLost();
      else fail(error instanceof Error ? error.message : String(error));
    }
  }
}
