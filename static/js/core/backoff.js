/** Waiting times between attempts to reach a server that does not answer. */

const FIRST = 500;
const LONGEST = 15_000;

/**
 * Milliseconds to wait before attempt number `attempt` (0 for the first repetition), doubling up to
 * 15 s; `asked` is what the server asked for by Retry-After, in seconds.
 *
 * @param {number} attempt
 * @param {number | null} [asked]
 */
export function retryDelay(attempt, asked = null) {
  const own = Math.min(LONGEST, FIRST * 2 ** attempt);
  return asked === null ? own : Math.min(LONGEST, Math.max(own, asked * 1000));
}
