/** What the axes of tensors are called. */

const SPACE = [[], ["length"], ["height", "width"], ["depth", "height", "width"]];

/**
 * @param {string} type  of the layer
 * @param {number} axes  of space that the layer works on; 0: any
 * @param {number} length  number of axes of the tensor
 * @returns {string[]}
 */
export function axisNames(type, axes, length) {
  if (type === "Fold") return named(["batch", "values of windows", "windows"], length);
  if (type === "Linear") return named(length === 2 ? ["batch", "features"] : ["features"], length);
  const space = SPACE[axes || Math.max(0, Math.min(3, length - 2))] ?? [];
  return named(["batch", "channels", ...space], length);
}

/**
 * The last of the names; before them, axes by their numbers.
 *
 * @param {string[]} names
 * @param {number} length
 */
function named(names, length) {
  return Array.from({ length }, (_, axis) => names[axis - length + names.length] ?? `axis ${axis}`);
}

/**
 * What an axis of the output is called.
 *
 * @param {string} type
 * @param {number} axes
 * @param {number} length
 * @returns {string[]}
 */
export function outputAxisNames(type, axes, length) {
  if (type === "Fold") return named(["batch", "channels", "height", "width"], length);
  if (type === "Unfold") return named(["batch", "values of windows", "windows"], length);
  if (type === "Flatten") return length === 2 ? ["batch", "features"] : Array.from({ length }, (_, axis) => `axis ${axis}`);
  return axisNames(type, axes, length);
}

/**
 * What the numbers of a list are for, where a parameter has one for each axis of space.
 *
 * @param {string} type
 * @param {string} parameter
 * @param {number} axes
 * @returns {string[]}
 */
export function partNames(type, parameter, axes) {
  if (parameter === "padding" && /Pad\dd$/.test(type)) return ["left", "right", "top", "bottom", "front", "back"].slice(0, 2 * axes);
  return SPACE[axes] ?? [];
}
