/** What a network received, as colours. @import {ColourImage, InputImage, Theme} from "./types.js" */
import { lookupTable } from "./colour.js";

/**
 * The size and the colours of an input: of a doodle ink on the theme's ground, of an image its own.
 *
 * @param {InputImage} image
 * @param {Theme} theme
 * @returns {ColourImage}
 */
export function inputColours(image, theme) {
  if (!Array.isArray(image)) return image;
  const [height, width] = inputSize(image);
  const table = lookupTable("ink", theme);
  const colours = new Uint32Array(width * height);
  image.forEach((row, y) => row.forEach((ink, x) => (colours[y * width + x] = table[ink])));
  return { width, height, colours };
}

/**
 * @param {InputImage} image
 * @returns {[number, number]} height and width
 */
export function inputSize(image) {
  return Array.isArray(image) ? [image.length, image[0]?.length ?? 0] : [image.height, image.width];
}
