/** How the output of a layer becomes a list of maps, whatever axes it has. */

/**
 * The maps that an output is shown as: the first item of the batch; the last two axes are rows and
 * columns, the ones before are joined into a list. With fewer axes a map is a row, or one value.
 *
 * @param {number[]} shape  with its batch axis
 */
export function mapShape(shape) {
  const axes = shape.slice(1);
  if (axes.length < 2) return { channels: axes[0] ?? 1, height: 1, width: 1 };
  if (axes.length === 2) return { channels: axes[0], height: 1, width: axes[1] };
  const [height, width] = axes.slice(-2);
  return { channels: axes.slice(0, -2).reduce((product, size) => product * size, 1), height, width };
}

/**
 * What a map is called: its channel and, where further axes were joined, its place on each of them.
 *
 * @param {number[]} shape
 * @param {number} index  of the map
 */
export function channelName(shape, index) {
  const joined = shape.slice(1, -2);
  if (joined.length < 2) return `channel ${index}`;
  const places = [];
  let rest = index;
  for (const size of joined.slice(1).reverse()) {
    places.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `channel ${rest}, slice ${places.join(", ")}`;
}

/**
 * The same in little room: "3", or "3/0" for slice 0 of channel 3.
 *
 * @param {number[]} shape
 * @param {number} index
 */
export function shortChannelName(shape, index) {
  return channelName(shape, index).replace("channel ", "").replace(/, (slice )?/g, "/");
}

/**
 * Where an output is no list of maps: how it is shown all the same, and what of it is not.
 *
 * @param {number[]} shape
 * @returns {string} "" for (1, C, H, W) and (1, C)
 */
export function axesInWords(shape) {
  /** @type {string[]} */
  const sentences = [];
  const axes = shape.slice(1);
  if (shape.length < 2) sentences.push("This layer gives a single number for each input.");
  if (axes.length === 2) {
    sentences.push(`This layer gives ${axes[0]} ${axes[0] === 1 ? "row" : "rows"} of ${axes[1]} values: each row, an entry of the first axis after the batch (a channel of a signal, a token of a sequence), is shown as one channel.`);
  }
  if (axes.length > 3) {
    const joined = axes.slice(0, -2);
    sentences.push(`This layer gives ${axes.join(" × ")} values: the last two axes make the maps, and all ${joined.join(" × ")} before them are shown one after another.`);
  }
  if ((shape[0] ?? 1) > 1) sentences.push(`Of the ${shape[0]} items on its first axis the first one is shown; ${shape[0] - 1} are not.`);
  return sentences.join(" ");
}
