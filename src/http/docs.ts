import { fileURLToPath } from "node:url";
import { Elysia } from "elysia";
import swaggerUi from "swagger-ui-dist/package.json" with { type: "json" };
import { SluiceError } from "../core/errors.ts";
import { type AnswerPorts, createAnswer } from "./answer.ts";

/** The only files that are served; a name that is not here is no path to anything. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ["favicon-32x32.png", "image/png"],
]);

const PAGE = `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Sluice API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png" sizes="32x32">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** Without `validatorUrl` Swagger UI would show the document to a foreign server. */
const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
`;

/** Nothing from elsewhere, and no script inside the page; Swagger UI sets styles and draws its icons as data. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const SAFETY = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** `GET /docs`: the API to read and try. Everything it is made of is served from here. */
export function docsRoutes(ports: AnswerPorts) {
  const answer = createAnswer(ports);
  return new Elysia({ name: "docs" })
    .get("/docs", ({ request }) => answer(request, "/docs", () => page(PAGE, "text/html; charset=utf-8")))
    .get("/docs/:file", ({ request, params }) =>
      answer(request, "/docs/{file}", () =>
        params.file === "start.js"
          ? page(START, "text/javascript; charset=utf-8")
          : asset(request, params.file),
      ),
    );
}

const page = (text: string, type: string): Response =>
  new Response(text, { headers: { ...SAFETY, "content-type": type, "cache-control": "no-cache" } });

/** The files change only with the package's version. */
function asset(request: Request, name: string): Response {
  const type = FILES.get(name);
  if (type === undefined) throw new SluiceError("not_found", "There is no such file.");
  const etag = `"${swaggerUi.version}"`;
  const headers = { ...SAFETY, etag, "cache-control": "public, max-age=3600" };
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  const path = fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`));
  return new Response(Bun.file(path), { headers: { ...headers, "content-type": type } });
}
