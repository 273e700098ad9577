/** One requestAnimationFrame for the whole page, which leaves time for the pen. */

/** Milliseconds of a frame that jobs may take; what remains is done in the next one. */
const BUDGET = 10;

/** @type {Map<object, () => void>} */
const waiting = new Map();
let scheduled = 0;

function flush() {
  scheduled = 0;
  const end = performance.now() + BUDGET;
  for (const [owner, job] of [...waiting]) {
    // An earlier job may have taken it off, or put another in its place.
    if (waiting.get(owner) !== job) continue;
    waiting.delete(owner);
    job();
    if (performance.now() > end) break;
  }
  if (waiting.size > 0 && !scheduled) scheduled = requestAnimationFrame(flush);
}

/**
 * Run `job` in the next frame that has time for it, in the order of the owners' first calls; a later
 * job of the same owner replaces it.
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
