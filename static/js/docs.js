/** The API's pages: Swagger UI over our own description. */
import "./controllers/plain.js";
import { byId } from "./views/dom.js";

const element = byId("swagger-ui", HTMLElement);

addEventListener("DOMContentLoaded", () => {
  const bundle = /** @type {{SwaggerUIBundle?: (options: Record<string, unknown>) => void}} */ (/** @type {unknown} */ (window)).SwaggerUIBundle;
  if (!bundle) {
    element.textContent = "The viewer is not installed; the description itself is at /api/v1/openapi.json.";
    return;
  }
  bundle({
    domNode: element,
    url: element.dataset.openapi,
    deepLinking: true,
    tryItOutEnabled: true,
    // It would otherwise ask a validator on the internet.
    validatorUrl: null,
  });
});
