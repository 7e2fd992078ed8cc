import { expect, test } from "bun:test";
import { serversOf } from "./server-urls.ts";

test.each([
  [["nats://a:4222", "b:4223"], { servers: ["a:4222", "b:4223"] }],
  [["nats://ada:x%20y@a:4222", "nats://b:4222"], { servers: ["a:4222", "b:4222"], user: "ada", pass: "x y" }],
  [["tls://tok@a:4222"], { servers: ["a:4222"], token: "tok", tls: {} }],
])("%p", (urls, options) => {
  expect(serversOf(urls)).toEqual(options);
});
