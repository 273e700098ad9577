/**
 * A drawing as a short text for the address: version byte, then variable-length integers of
 * differences between points (zigzag) and of times (in steps of 8 ms), as base64url.
 *
 * @import {Drawing} from "./types.js"
 */
import { PAD_SIDE } from "./geometry.js";

const VERSION = 1;
const TIME_STEP = 8;
const MOST_CHARACTERS = 200_000;

/**
 * @param {Drawing} drawing
 * @returns {string} empty for an empty drawing
 */
export function encodeDrawing(drawing) {
  if (drawing.length === 0) return "";
  /** @type {number[]} */
  const bytes = [VERSION];
  /** @param {number} value */
  const unsigned = (value) => {
    let rest = value;
    while (rest > 127) {
      bytes.push((rest & 127) | 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  };
  /** @param {number} value */
  const signed = (value) => unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  let x = 0;
  let y = 0;
  let time = 0;
  unsigned(drawing.length);
  for (const stroke of drawing) {
    unsigned(stroke.x.length);
    for (let index = 0; index < stroke.x.length; index += 1) {
      const nextX = Math.round(stroke.x[index]);
      const nextY = Math.round(stroke.y[index]);
      const nextTime = Math.max(time, Math.round(stroke.t[index] / TIME_STEP));
      signed(nextX - x);
      signed(nextY - y);
      unsigned(nextTime - time);
      [x, y, time] = [nextX, nextY, nextTime];
    }
  }
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {string} code
 * @returns {Drawing}
 * @throws {RangeError} if it is not the code of a drawing on the pad
 */
export function decodeDrawing(code) {
  if (code === "") return [];
  if (code.length > MOST_CHARACTERS) throw new RangeError("The drawing in the address is too long.");
  let binary;
  try {
    binary = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw new RangeError("The drawing in the address is not base64url.");
  }
  let place = 0;
  const unsigned = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (place >= binary.length || factor > 2 ** 42) throw new RangeError("The drawing in the address is cut off.");
      const byte = binary.charCodeAt(place);
      place += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const signed = () => {
    const value = unsigned();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const version = unsigned();
  if (version !== VERSION) throw new RangeError(`The drawing in the address has an unknown version, ${version}.`);
  let x = 0;
  let y = 0;
  let time = 0;
  const count = unsigned();
  /** @type {Drawing} */
  const drawing = [];
  for (let index = 0; index < count; index += 1) {
    const points = unsigned();
    const stroke = { x: /** @type {number[]} */ ([]), y: /** @type {number[]} */ ([]), t: /** @type {number[]} */ ([]) };
    for (let point = 0; point < points; point += 1) {
      x += signed();
      y += signed();
      time += unsigned();
      if (x < 0 || y < 0 || x > PAD_SIDE || y > PAD_SIDE) throw new RangeError("The drawing in the address leaves the pad.");
      stroke.x.push(x);
      stroke.y.push(y);
      stroke.t.push(time * TIME_STEP);
    }
    drawing.push(stroke);
  }
  if (place !== binary.length) throw new RangeError("The drawing in the address goes on after its end.");
  return drawing;
}
