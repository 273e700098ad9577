/**
 * Requests to our own server, and what they end in. Only this module calls fetch.
 */

export const ROOT = "/api/v1";

/** An answer of the server that says what is wrong: RFC 9457 problem details. */
export class ApiProblem extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {number | null} retryAfter  seconds
   * @param {string} [pointer]  to what is wrong in the request, such as /input_shape
   */
  constructor(status, detail, retryAfter, pointer = "") {
    super(detail);
    this.name = "ApiProblem";
    this.status = status;
    this.retryAfter = retryAfter;
    this.pointer = pointer;
  }

  /** Whether the same request may succeed later. */
  get passing() {
    // An inspection that takes more memory than there may be takes it the next time, too.
    return this.status === 429 || (this.status >= 500 && this.status !== 507);
  }
}

/** No answer at all: the server is down, or the network is. */
export class Unreachable extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super("The server does not answer.", { cause });
    this.name = "Unreachable";
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw new Unreachable(error);
  }
  if (response.ok) return response;
  const retryAfter = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  let detail = `The server answered ${response.status}.`;
  let pointer = "";
  try {
    const problem = await response.json();
    detail = problem.detail ?? problem.title ?? detail;
    pointer = problem.pointer ?? "";
  } catch {
    // A proxy in between may answer without problem details; the status says enough.
  }
  throw new ApiProblem(response.status, detail, Number.isFinite(retryAfter) ? retryAfter : null, pointer);
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
export async function requestJson(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable(error);
  }
}

/**
 * @param {string} path
 * @param {unknown} body
 */
export function postJson(path, body) {
  return requestJson(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/**
 * A file of the server, to be saved.
 *
 * @param {string} address
 * @returns {Promise<Blob>}
 */
export async function getFile(address) {
  const response = await request(address);
  try {
    return await response.blob();
  } catch (error) {
    throw new Unreachable(error);
  }
}
