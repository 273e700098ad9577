/**
 * Settings that make one size of another, of several axes together.
 *
 * @import {LayerKind, Parameters} from "./stack.js"
 */

/**
 * @typedef {Record<string, number | boolean | number[]>} FoundSetting  parameters of a layer, and `unread`
 * @typedef {{type: string, from: number[], to: number[]}} SettingsQuestion  one size for each axis
 */

/** Pairs of settings that are told where no one setting does for all axes. */
const MOST_PAIRS = 200;

/** Of a layer as a whole, so the same for all axes. */
const SHARED = ["ceil_mode"];

/**
 * The settings that do for every axis: the same for all where there are such, else one for each.
 *
 * @param {Record<string, number | boolean>[][]} axes  of each axis its settings, the usual ones first
 * @returns {FoundSetting[]}
 */
export function joinSettings(axes) {
  const [first, ...others] = axes;
  if (others.length === 0) return first;
  /** @param {Record<string, number | boolean>} setting */
  const key = ({ unread: _, ...rest }) => JSON.stringify(rest);
  const known = others.map((settings) => new Map(settings.map((setting) => [key(setting), setting])));
  const same = first.filter((setting) => known.every((settings) => settings.has(key(setting))));
  if (same.length > 0) return same.map((setting) => joined([setting, ...known.map((settings) => /** @type {Record<string, number | boolean>} */ (settings.get(key(setting))))]));
  /** @type {Record<string, number | boolean>[][]} */
  let tuples = first.map((setting) => [setting]);
  for (const settings of others) {
    // Little of each first, so that the usual ones come first in all axes.
    const pairs = tuples.flatMap((tuple, one) => settings.map((setting, other) => ({ tuple: [...tuple, setting], rank: one + other })));
    tuples = pairs
      .filter(({ tuple }) => SHARED.every((name) => tuple.every((setting) => setting[name] === tuple[0][name])))
      .sort((one, other) => one.rank - other.rank)
      .slice(0, MOST_PAIRS)
      .map(({ tuple }) => tuple);
  }
  return tuples.map(joined);
}

/** @param {Record<string, number | boolean>[]} settings @returns {FoundSetting} */
function joined(settings) {
  return Object.fromEntries(
    Object.keys(settings[0]).map((name) => {
      const values = settings.map((setting) => setting[name]);
      return [name, values.every((value) => value === values[0]) ? values[0] : /** @type {number[]} */ (values)];
    }),
  );
}

/**
 * The parameters of a layer with a setting.
 *
 * @param {LayerKind} kind
 * @param {FoundSetting} setting
 * @param {number} channels  of its input
 * @returns {Parameters}
 */
export function settingParameters(kind, setting, channels) {
  /** @type {Parameters} */
  const parameters = {};
  for (const { name, required, default: normal } of kind.parameters) {
    if (name === "in_channels" || name === "out_channels") parameters[name] = channels;
    else if (name === "norm_type") parameters[name] = 2;
    // Pooling steps by its kernel unless it is told otherwise, so a stride is always said.
    else if (name in setting && (required || name === "stride" || setting[name] !== normal)) parameters[name] = setting[name];
  }
  return parameters;
}
