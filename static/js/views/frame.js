/** One requestAnimationFrame for the whole page. */

/** @type {Map<object, () => void>} */
const waiting = new Map();
let scheduled = 0;

function flush() {
  scheduled = 0;
  const jobs = [...waiting.values()];
  waiting.clear();
  for (const job of jobs) job();
}

/**
 * Run `job` in the next frame; a later job of the same owner replaces it.
 *
 * @param {object} owner
 * @param {() => void} job
 */
export function inNextFrame(owner, job) {
  waiting.set(owner, job);
  if (!scheduled) scheduled = requestAnimationFrame(flush);
}

/** @param {object} owner */
export function forgetFrame(owner) {
  waiting.delete(owner);
}
