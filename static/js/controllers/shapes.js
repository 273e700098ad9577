/**
 * The calculator of one layer's shapes.
 *
 * @import {Configuration, LayerKind, ShapeRepair, ShapesAnswer, Scalar, Value} from "../core/shapes/types.js"
 */
import { ApiProblem, computeShapes, getLayerKinds, readSource } from "../api.js";
import { NewestWins } from "../core/newest_wins.js";
import { layerSource } from "../core/pytorch_source.js";
import { axisNames, partNames } from "../core/shapes/axes.js";
import { formatConfiguration, parseConfiguration } from "../core/shapes/configuration.js";
import { inexact, valueText } from "../core/shapes/fields.js";
import { switchTo } from "../core/shapes/families.js";
import { layerPlan } from "../core/shapes/layer_plan.js";
import { newLayer } from "../core/stack.js";
import { formatStacks } from "../core/stack_code.js";
import { byId, html } from "../views/dom.js";
import { axisStrip } from "../views/shapes/axis_strip.js";
import { InputShape } from "../views/shapes/input_shape.js";
import { LayerPicker } from "../views/shapes/layer_picker.js";
import { Links } from "../views/shapes/links.js";
import { ParameterField } from "../views/shapes/parameter_field.js";
import { PythonBox } from "../views/shapes/python_box.js";
import { Result } from "../views/shapes/result.js";
import { ThemeButton } from "../views/theme.js";
import { Announcer } from "./announcer.js";
import { exportViews } from "./exporter.js";
import { ShapesAnimation } from "./shapes_animation.js";

/** Milliseconds after which a typed value is written into the address; browsers limit how often. */
const ADDRESS_PAUSE = 300;

class ShapesPage {
  #root = byId("calculator", HTMLElement);
  #announcer = new Announcer(byId("announcer", HTMLElement));
  #kinds;
  /** @type {Configuration} */
  #state;
  #picker;
  #python = new PythonBox((source) => void this.#read(source));
  #input = new InputShape((sizes) => this.#resized(sizes));
  #fieldsBox = html("div", { class: "shape-fields" });
  /** @type {Map<string, ParameterField>} */
  #fields = new Map();
  #fieldsOf = "";
  #result = new Result((repair) => this.#repaired(repair));
  #animation;
  #links;
  #compute = new NewestWins((/** @type {Configuration} */ state) => this.#computed(state));
  /** What is shown, or will be. @type {Configuration | null} */
  #asked = null;
  #timer = 0;
  #stop = new AbortController();
  #theme = new ThemeButton(byId("theme-button", HTMLButtonElement));

  /** @param {ReadonlyMap<string, LayerKind>} kinds */
  constructor(kinds) {
    this.#kinds = kinds;
    this.#state = parseConfiguration(location.hash, kinds);
    this.#picker = new LayerPicker(kinds, (type) => this.#switched(type));
    this.#animation = new ShapesAnimation(this.#announcer, {
      onView: (view) => this.#viewed(view),
      onValues: (change) => this.#change({ ...change, values: { ...this.#state.values, ...change.values } }, "push"),
    });
    const form = html("section", { class: "shape-form panel", "aria-label": "The layer and its input" }, this.#picker.element, this.#input.element, this.#fieldsBox, this.#python.element);
    this.#root.replaceChildren(form, html("div", { class: "shape-outcome" }, this.#result.element, this.#animation.element));
    this.#links = new Links(this.#root);
    window.addEventListener("popstate", () => this.#moved(), { signal: this.#stop.signal });
    this.#show();
    this.#missed();
  }

  /** A link may name a layer of another version, or be cut. */
  #missed() {
    const named = new URLSearchParams(location.hash.slice(1)).get("layer");
    if (named === null || this.#kinds.has(named)) return;
    this.#picker.showFault(`The link names a layer ${named.slice(0, 40)}, which is not here; this is an example instead.`);
  }

  #moved() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#state = parseConfiguration(location.hash, this.#kinds);
    this.#show();
    this.#missed();
  }

  /**
   * @param {Partial<Configuration>} change
   * @param {"push" | "later"} way  how the address follows
   */
  #change(change, way) {
    if (way === "push") this.#write("replace");
    this.#state = { ...this.#state, ...change };
    clearTimeout(this.#timer);
    if (way === "later") this.#timer = window.setTimeout(() => this.#write("replace"), ADDRESS_PAUSE);
    else this.#write("push");
    this.#show();
  }

  /** The animation is set; nothing needs to be computed anew. @param {Record<string, string>} view */
  #viewed(view) {
    this.#state = { ...this.#state, view };
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write("replace"), ADDRESS_PAUSE);
  }

  /** @param {"push" | "replace"} way */
  #write(way) {
    clearTimeout(this.#timer);
    const url = formatConfiguration(this.#state);
    if (way === "push") history.pushState(null, "", url);
    else history.replaceState(null, "", url);
  }

  /** @param {string} type */
  #switched(type) {
    const kind = this.#kinds.get(type);
    if (kind) this.#change(switchTo(this.#state, kind), "push");
  }

  /** What said as much as the input has goes on saying it. @param {Scalar[]} sizes */
  #resized(sizes) {
    const { input, values, type } = this.#state;
    const kind = this.#kind;
    /** @type {Record<string, Value>} */
    const followed = {};
    const channelOf = (/** @type {Scalar[]} */ shape) => shape[shape.length - kind.axes - 1];
    for (const [name, before, after] of /** @type {[string, Scalar, Scalar][]} */ ([
      ["in_channels", channelOf(input), channelOf(sizes)],
      ["num_features", channelOf(input), channelOf(sizes)],
      ["in_features", input[input.length - 1], sizes[sizes.length - 1]],
    ])) {
      if (values[name] !== undefined && values[name] === before && typeof after === "number") followed[name] = after;
    }
    this.#change({ input: sizes, values: { ...values, ...followed }, type }, sizes.length === input.length ? "later" : "push");
  }

  get #kind() {
    const kind = this.#kinds.get(this.#state.type);
    if (!kind) throw new TypeError(`There is no layer ${this.#state.type}.`);
    return kind;
  }

  /** @param {string} name @param {Value | undefined} value */
  #set(name, value) {
    const { [name]: _, ...others } = this.#state.values;
    this.#change({ values: value === undefined ? others : { ...others, [name]: value } }, "later");
  }

  /** @param {ShapeRepair} repair */
  #repaired({ changes, detail }) {
    const { type, ...changed } = changes;
    /** @type {Record<string, Value>} */
    const values = { ...this.#state.values };
    for (const [name, value] of Object.entries(changed)) {
      if (value === null) delete values[name];
      else values[name] = value;
    }
    this.#announcer.say(`Done: ${detail}`);
    this.#change({ type: typeof type === "string" ? type : this.#state.type, values }, "push");
  }

  /** The address of the stack of this layer with the one that a repair puts before it. @param {ShapeRepair} repair */
  #stackOf({ insert, changes }) {
    const { type, input, values } = this.#state;
    const { type: inserted, ...before } = insert ?? { type: "Identity" };
    const layers = [newLayer(String(inserted), before), newLayer(type, { ...values, ...changes })];
    return `/shapes/stacks${formatStacks({ input: input.map(Number), training: false, stacks: [layers] })}`;
  }

  /** @param {string} source */
  async #read(source) {
    if (source.trim() === "") return this.#python.say("Paste a line such as nn.Conv2d(3, 64, 7, stride=2, padding=3).");
    try {
      const { layers, left_out: leftOut } = await readSource(source);
      const { type, ...values } = layers[0];
      const kind = this.#kinds.get(type);
      if (!kind) return this.#python.say(`There is no layer ${type} here.`);
      const unknown = Object.keys(values).filter((name) => !kind.parameters.some((parameter) => parameter.name === name));
      for (const name of unknown) delete values[name];
      const notes = unknown.map((name) => `${type} has no parameter ${name}.`);
      if (layers.length > 1) notes.push(`The first of ${layers.length} layers is shown; Stacks takes them all.`);
      this.#python.say([...notes, ...leftOut].join(" "), false);
      const fresh = switchTo(this.#state, kind);
      const input = fitChannels(fresh.input, kind, values);
      return this.#change({ type, values, input, view: {} }, "push");
    } catch (error) {
      return this.#python.say(error instanceof Error ? error.message : String(error));
    }
  }

  #show() {
    const { type, input, values } = this.#state;
    const kind = this.#kind;
    this.#picker.show(type);
    this.#input.show(input, axisNames(type, kind.axes, input.length));
    this.#showFields(kind);
    for (const [name, field] of this.#fields) field.show(values[name]);
    this.#python.show(layerSource({ type, parameters: values }, new Map(this.#kinds)));
    this.#asked = this.#state;
    this.#root.setAttribute("aria-busy", "true");
    this.#compute.offer(this.#state);
  }

  /** @param {LayerKind} kind */
  #showFields(kind) {
    if (this.#fieldsOf === kind.type) return;
    this.#fieldsOf = kind.type;
    this.#fields = new Map(
      kind.parameters.map((parameter) => [parameter.name, new ParameterField(parameter, partNames(kind.type, parameter.name, kind.axes), (value) => this.#set(parameter.name, value))]),
    );
    this.#fieldsBox.replaceChildren(...[...this.#fields.values()].map(({ element }) => element));
    if (this.#fields.size === 0) this.#fieldsBox.append(html("p", { class: "shape-none" }, `${kind.type} takes no parameters.`));
  }

  /** @param {Configuration} state */
  async #computed(state) {
    const { type, input, values } = state;
    const fault = this.#unsendable(state);
    if (fault) {
      this.#result.showFault(fault);
      this.#animation.clear();
      this.#settled();
      return;
    }
    try {
      const answer = await computeShapes(input, [{ type, ...values }]);
      if (state === this.#asked) this.#answered(answer);
    } catch (error) {
      const refused = error instanceof ApiProblem && !error.passing;
      this.#result.showFault(error instanceof Error ? error.message : String(error));
      this.#animation.clear();
      if (refused) this.#input.showFault(error.message, true);
      else setTimeout(() => state === this.#asked && this.#compute.offer(state), 2000);
    }
    this.#settled();
  }

  /** What cannot be sent, said at its field; "" if all can. @param {Configuration} state */
  #unsendable({ values }) {
    let found = this.#input.fault;
    for (const { name, kind } of this.#kind.parameters) {
      const fault = values[name] === undefined || kind.startsWith("number") ? "" : inexact(valueText(values[name]));
      this.#fields.get(name)?.showFault(fault);
      found ||= fault;
    }
    return found;
  }

  #settled() {
    this.#root.setAttribute("aria-busy", String(this.#compute.superseded));
  }

  /** @param {ShapesAnswer} answer */
  #answered(answer) {
    const [problem] = answer.problems;
    for (const [name, field] of this.#fields) field.showFault(problem?.parameter === name ? problem.detail : "");
    this.#input.showFault(problem?.parameter === "input_shape" ? problem.detail : "", true);
    if (problem) {
      this.#result.showProblem(problem, (repair) => this.#stackOf(repair));
      this.#animation.clear();
      return;
    }
    const [layer] = answer.layers;
    const plan = layerPlan(layer, this.#kind, this.#state.values);
    const input = layer.input_shape ?? [];
    this.#result.showLayer(layer, this.#kind, (axis) => {
      const own = plan?.axes[axis - ((layer.output_shape?.length ?? 0) - (plan?.space ?? 0)) + 3 - (plan?.space ?? 0)];
      return own && plan.strips ? axisStrip(own, nounOf(axisNames(layer.type, this.#kind.axes, input.length)[axis])) : null;
    });
    this.#animation.show(plan, this.#state);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#links.destroy();
    this.#animation.destroy();
    this.#result.destroy();
    this.#announcer.destroy();
    this.#theme.destroy();
  }
}

/** @param {string | undefined} axis */
const nounOf = (axis) => ({ height: "row", width: "column", depth: "slice" })[axis ?? ""] ?? "position";

/**
 * The input with the channels or features that a pasted line asks for.
 *
 * @param {Scalar[]} input
 * @param {LayerKind} kind
 * @param {Record<string, Value>} values
 */
function fitChannels(input, kind, values) {
  const sizes = [...input];
  const channels = values.in_channels ?? values.num_features;
  if (typeof channels === "number" && kind.axes > 0) sizes[sizes.length - kind.axes - 1] = channels;
  if (typeof values.in_features === "number") sizes[sizes.length - 1] = values.in_features;
  return sizes;
}

/** Milliseconds after which a server that does not answer is asked again. */
const PATIENCE = 2000;

async function start() {
  let kinds;
  try {
    kinds = await getLayerKinds();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    byId("calculator", HTMLElement).replaceChildren(html("p", { class: "notice", role: "status" }, `${words} The page goes on by itself once it does.`));
    setTimeout(() => void start(), PATIENCE);
    return;
  }
  new ShapesPage(new Map(kinds.map((kind) => [kind.type, kind])));
}

exportViews();
void start();
