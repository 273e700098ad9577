/** Why there is no camera, in words. */

/**
 * @param {string} name  of the error that the browser gave, or "" where it has no cameras to give
 * @param {boolean} secure  whether the page is one that browsers let use cameras
 * @returns {string}
 */
export function cameraProblem(name, secure) {
  if (!secure) return "Browsers give a camera to pages of this machine (localhost) and to https alone, and this page is neither. Open it as http://localhost, or open a picture instead.";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The camera was not allowed. Allow it for this page in the browser, beside the address, and press Camera again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Connect one, and press Camera again.";
    case "NotReadableError":
    case "AbortError":
      return "The camera cannot be read: another program may be using it. Close that, and press Camera again.";
    case "ended":
      return "The camera has stopped: it was disconnected, or its permission was taken back.";
    default:
      return "This browser has no access to cameras. Open a picture instead.";
  }
}
