/**
 * Pictures to start from, computed: each gives the colour of every point. They belong to nobody.
 *
 * @typedef {[number, number, number]} Colour  red, green, blue; 0 to 255
 *
 * @typedef {object} Sample
 * @property {string} name  for addresses
 * @property {string} label
 * @property {(x: number, y: number) => Colour} colour  of a point; x to the right and y downwards, 0 to 1
 */

/** Pixels along each side of a sample. */
export const SAMPLE_SIDE = 288;

/**
 * @param {Colour} one
 * @param {Colour} other
 * @param {number} share  of the other, 0 to 1
 * @returns {Colour}
 */
function mix(one, other, share) {
  const part = Math.min(1, Math.max(0, share));
  return [one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part, one[2] + (other[2] - one[2]) * part];
}

/** @type {Colour} */
const NIGHT = [38, 34, 84];
/** @type {Colour} */
const DUSK = [240, 128, 72];
/** @type {Colour} */
const GOLD = [255, 214, 120];
/** @type {Colour} */
const WATER = [22, 46, 92];

/** A low sun over the sea. @param {number} x @param {number} y @returns {Colour} */
function sunset(x, y) {
  const horizon = 0.62;
  const sun = Math.hypot(x - 0.56, y - 0.5);
  if (y < horizon) {
    const sky = mix(NIGHT, DUSK, y / horizon);
    if (sun < 0.13) return mix([255, 244, 200], GOLD, sun / 0.13);
    return mix(GOLD, sky, (sun - 0.13) * 2.6);
  }
  const depth = (y - horizon) / (1 - horizon);
  const wave = Math.sin(60 * Math.sqrt(depth + 0.02) + 9 * Math.sin(7 * x + 3 * depth));
  const glitter = Math.exp(-(((x - 0.56) / (0.06 + 0.2 * depth)) ** 2)) * (0.5 + 0.5 * wave);
  return mix(mix([120, 84, 96], WATER, depth * 1.4 + 0.1 * wave), GOLD, glitter * (1 - 0.4 * depth));
}

/** A red ball on a table, lit from the upper left. @param {number} x @param {number} y @returns {Colour} */
function ball(x, y) {
  const [dx, dy] = [(x - 0.5) / 0.28, (y - 0.5) / 0.28];
  const squared = dx * dx + dy * dy;
  if (squared < 1) {
    const light = (-0.5 * dx - 0.6 * dy + 0.62 * Math.sqrt(1 - squared)) / Math.hypot(0.5, 0.6, 0.62);
    const shade = mix([70, 8, 18], [224, 44, 44], 0.15 + Math.max(0, light));
    return mix(shade, [255, 246, 238], Math.max(0, light) ** 24);
  }
  const table = y > 0.58;
  const shadow = Math.hypot((x - 0.6) / 0.34, (y - 0.79) / 0.09);
  const ground = table ? mix([206, 190, 164], [168, 148, 118], (y - 0.58) / 0.42) : mix([176, 196, 204], [218, 226, 226], y / 0.58);
  return table && shadow < 1.3 ? mix([84, 70, 54], ground, (shadow - 0.5) / 0.8) : ground;
}

/** Stripes that grow finer to the right. @param {number} x @param {number} y @returns {Colour} */
function stripes(x, y) {
  const level = 127.5 + 115 * Math.sin(2 * Math.PI * (3 * x + 13 * x * x + 3 * y));
  return [level, level, level];
}

/** Every hue around a white middle. @param {number} x @param {number} y @returns {Colour} */
function colours(x, y) {
  const [dx, dy] = [x - 0.5, y - 0.5];
  const distance = Math.hypot(dx, dy) / 0.46;
  if (distance > 1) return [28, 32, 38];
  const turn = Math.atan2(dy, dx);
  /** @param {number} place */
  const part = (place) => 255 * (1 - distance * (0.5 - 0.5 * Math.cos(turn - place)));
  return [part(0), part((2 * Math.PI) / 3), part((4 * Math.PI) / 3)];
}

/** A tiled floor under a clear sky. @param {number} x @param {number} y @returns {Colour} */
function floor(x, y) {
  if (y < 0.42) return mix([96, 152, 214], [206, 228, 244], y / 0.42);
  const far = 0.16 / (y - 0.4);
  const tile = Math.floor((x - 0.5) * far * 7) + Math.floor(far * 6);
  const even = ((tile % 2) + 2) % 2 === 0;
  return mix(even ? [236, 232, 220] : [40, 96, 88], [196, 214, 224], far - 1.2);
}

/** @type {readonly Sample[]} */
export const SAMPLES = Object.freeze([
  { name: "sunset", label: "Sunset", colour: sunset },
  { name: "ball", label: "Ball", colour: ball },
  { name: "floor", label: "Tiled floor", colour: floor },
  { name: "colours", label: "Colours", colour: colours },
  { name: "stripes", label: "Stripes", colour: stripes },
]);

/**
 * The pixels of a sample.
 *
 * @param {Sample} sample
 * @param {number} side
 * @returns {Uint8ClampedArray<ArrayBuffer>} red, green, blue and opacity of each, row by row
 */
export function samplePixels({ colour }, side) {
  const pixels = new Uint8ClampedArray(side * side * 4);
  for (let index = 0; index < side * side; index += 1) {
    const [red, green, blue] = colour(((index % side) + 0.5) / side, (Math.floor(index / side) + 0.5) / side);
    pixels.set([red, green, blue, 255], index * 4);
  }
  return pixels;
}
