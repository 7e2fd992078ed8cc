import { expect, test } from "bun:test";
import { allowedOrigin } from "./cors-schema.ts";
import { loadConfig } from "./load.ts";
import { ConfigError } from "./problems.ts";

const load = (file: object, env: Record<string, string> = {}) =>
  loadConfig({ env: { SLUICE_CONFIG: "sluice.yaml", ...env }, readFile: () => JSON.stringify(file) });

test("nobody's pages may call the gateway unless their origins are named, in the file or instead by the environment", () => {
  const origins = ["https://app.example.com", "https://*.example.org"];
  expect(load({}).corsOrigins).toBeUndefined();
  expect(load({ server: { cors: { origins } } }).corsOrigins).toEqual(origins);
  const env = { SLUICE_CORS_ORIGINS: "http://localhost:5173, https://b.example.com" };
  expect(load({ server: { cors: { origins } } }, env).corsOrigins).toEqual([
    "http://localhost:5173",
    "https://b.example.com",
  ]);
});

test.each([
  "*",
  "https://a.example.com",
  "http://localhost:5173",
  "https://*.example.com:8443",
  "http://[::1]:80080",
])("%s is taken as far as browsers write it so", (origin) => {
  expect(allowedOrigin.safeParse(origin).success).toBe(origin !== "http://[::1]:80080");
});

test.each([
  ...["", "null", "example.com", "https://", "https://a.example.com/", "https://a.example.com/path"],
  ...[
    "https://A.example.com",
    "https://a.example.com:443",
    "ftp://a.example.com",
    "https://u:p@a.example.com",
  ],
  ...[
    "https://a.*.example.com",
    "https://*example.com",
    "https://*",
    "*.example.com",
    "https://*.*.example.com",
  ],
])("'%s' is no origin, and the mistake names its place", (origin) => {
  expect(allowedOrigin.safeParse(origin).success).toBe(false);
  try {
    load({ server: { cors: { origins: ["https://a.example.com", origin] } } });
    throw new Error("it was taken");
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    expect(thrown.problems.map(({ path }) => path)).toEqual(["server.cors.origins[1]"]);
  }
});

test("origins without any are a mistake, and so is a variable that holds none", () => {
  expect(() => load({ server: { cors: { origins: [] } } })).toThrow(ConfigError);
  expect(() => load({ server: { cors: {} } })).toThrow(ConfigError);
  expect(() => load({}, { SLUICE_CORS_ORIGINS: "example.com" })).toThrow(ConfigError);
});
