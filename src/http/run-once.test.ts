import { expect, test } from "bun:test";
import { requestId, tenantId } from "../core/ids.ts";
import type { Idempotency, Once } from "./idempotent.ts";
import { type Run, runOnce } from "./run-once.ts";

const tenant = tenantId("acme");
const id = requestId("req_1");
const asked: { key: string; about: Once }[] = [];
/** Runs everything, and remembers under what. */
const idempotency: Idempotency = {
  once(key, about, run) {
    asked.push({ key, about });
    return run();
  },
  close() {},
};
const requestWith = (headers: Record<string, string>) =>
  new Request("http://localhost/v1/a?b=c", { method: "POST", headers });
const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");

test("without a key a request simply runs, with its client's signal, and nothing is hashed for it", async () => {
  const request = requestWith({});
  const seen: unknown[] = [];
  const run: Run = async (named, signal) => {
    seen.push(named, signal);
    return new Response("x");
  };
  const print = (): string => {
    throw new Error("nobody needs it");
  };
  await runOnce(idempotency, request, { tenant, id, print }, run);
  expect(seen).toEqual([undefined, request.signal]);
  expect(asked).toHaveLength(0);
});

test.each([
  [{ print: "body" }, "POST /v1/a\nbody"],
  [{ print: new TextEncoder().encode("body") }, "POST /v1/a\nbody"],
  [{ print: () => "body" }, "POST /v1/a\nbody"],
  [{ print: "body", about: "/v1/else true" }, "POST /v1/else true\nbody"],
])("%j is known by what it says, in the words that keys of yesterday go by", async (what, text) => {
  const request = requestWith({ "idempotency-key": "k" });
  let seen: unknown[] = [];
  const run: Run = async (named, signal) => {
    seen = [named, signal];
    return new Response("x");
  };
  const response = await runOnce(idempotency, request, { tenant, id, ...what }, run);
  const fingerprint = sha256(text);
  // No signal: it is made whether its client stays or not.
  expect(seen).toEqual([{ key: "k", fingerprint }, undefined]);
  expect(asked.at(-1)).toMatchObject({ key: "k", about: { tenant, request: id, fingerprint } });
  expect(response.headers.get("x-request-id")).toBe(id);
});
