/** A column of boxes as steps from the image to the value. @import {ColumnPart} from "./field_types.js" */

/**
 * @typedef {{part: ColumnPart, beside: boolean}} ColumnCell  beside: another way stands next to it
 * @typedef {{depth: number, cells: ColumnCell[]}} ColumnStep  layers of equal depth
 * @typedef {{steps: ColumnStep[], hidden: number}} ShownColumn  hidden: how many layers are not shown
 */

/** What hands each cell on, or changes it alone, adds no step to the field. */
const JOINS = /^(add|sub|mul|div|cat|stack|concatenate)_*$/i;

/**
 * Whether a layer's box says more than that of what it reads.
 *
 * @param {ColumnPart} part
 * @param {Map<string, ColumnPart>} byName
 */
function says(part, byName) {
  if (part.inputs.length !== 1 || JOINS.test(part.kind)) return true;
  const before = byName.get(part.inputs[0]);
  if (!before) return true;
  const same = JSON.stringify([part.box, part.mask, part.shape.slice(1)]) === JSON.stringify([before.box, before.mask, before.shape.slice(1)]);
  // A convolution of one cell mixes channels, though its box stays the same.
  return !same || /conv|pool|linear/i.test(part.kind);
}

/**
 * The steps from the input to the value, in this order.
 *
 * @param {ColumnPart[]} parts
 * @param {boolean} everything  also the layers whose box is that of the layer before
 * @returns {ShownColumn}
 */
export function columnSteps(parts, everything) {
  const byName = new Map(parts.map((part) => [part.layer, part]));
  const own = parts[0];
  const shown = parts.filter((part) => everything || part === own || part.depth === 0 || says(part, byName));
  /** @type {Map<number, ColumnPart[]>} */
  const depths = new Map();
  for (const part of shown) depths.set(part.depth, [...(depths.get(part.depth) ?? []), part]);
  const steps = [...depths].sort(([one], [other]) => one - other).map(([depth, together]) => ({ depth, cells: together.map((part) => ({ part, beside: together.length > 1 })) }));
  return { steps, hidden: parts.length - shown.length };
}

/**
 * Where ways divide: the layers of which more than one layer on the way reads.
 *
 * @param {ColumnPart[]} parts
 */
export function forks(parts) {
  /** @type {Map<string, number>} */
  const readers = new Map();
  for (const { inputs } of parts) for (const input of new Set(inputs)) readers.set(input, (readers.get(input) ?? 0) + 1);
  return parts.filter(({ layer }) => (readers.get(layer) ?? 0) > 1).map(({ layer }) => layer);
}
