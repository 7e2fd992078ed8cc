import { expect, test } from "bun:test";
import { RequestWriter } from "./request-head.ts";
import { callTo } from "./testing/calls.ts";

const MESSAGES = "http://vendor.example/v1/messages";
const MODELS = "http://vendor.example/v1/models?limit=1";

const fieldsOf = (key: string): Readonly<Record<string, string>> => Object.freeze({ "x-api-key": key });

test("fields that are kept as they are written go to each address and with each method that they are asked for with", () => {
  const writer = new RequestWriter();
  const headers = fieldsOf("one");
  const posted = { ...callTo(MESSAGES), headers, body: "{}" };
  const counted = { ...posted, url: "https://other.example/count" };
  const fetched = { ...posted, url: MODELS, method: "GET", body: "" } as const;
  const begins = [
    [posted, "POST /v1/messages HTTP/1.1\r\nhost: vendor.example\r\n"],
    [counted, "POST /count HTTP/1.1\r\nhost: other.example\r\n"],
    [fetched, "GET /v1/models?limit=1 HTTP/1.1\r\nhost: vendor.example\r\n"],
    [{ ...fetched, url: MESSAGES }, "GET /v1/messages HTTP/1.1\r\nhost: vendor.example\r\n"],
  ] as const;
  for (const [call, begin] of [...begins, ...begins]) {
    const { head, origin, isIdempotent } = writer.write(call);
    expect(head).toStartWith(begin);
    expect(head.match(/x-api-key: .*/g)).toEqual(["x-api-key: one"]);
    expect(origin.hostname).toBe(new URL(call.url).hostname);
    expect(isIdempotent).toBe(call.method === "GET");
    expect(head).toEndWith(call.body === "" ? "x-api-key: one\r\n\r\n" : "content-length: 2\r\n\r\n");
  }
});

test("one key's fields are never another's, though they go to one address", () => {
  const writer = new RequestWriter();
  const [one, two] = [fieldsOf("one"), fieldsOf("two")];
  for (const headers of [one, two, one, two]) {
    const { head } = writer.write({ ...callTo(MESSAGES), headers });
    expect(head).toContain(`x-api-key: ${headers["x-api-key"]}\r\n`);
    expect(head.match(/x-api-key/g)).toHaveLength(1);
  }
});

test("fields that can still change are written as they are each time", () => {
  const writer = new RequestWriter();
  const headers = { "x-api-key": "one" };
  expect(writer.write({ ...callTo(MESSAGES), headers }).head).toContain("x-api-key: one\r\n");
  headers["x-api-key"] = "two";
  expect(writer.write({ ...callTo(MESSAGES), headers }).head).toContain("x-api-key: two\r\n");
});

test("what cannot be sent is refused each time, without its value", () => {
  const writer = new RequestWriter();
  const headers = fieldsOf("sk-secret\r\nx-other: 1");
  for (let times = 0; times < 2; times += 1) {
    expect(() => writer.write({ ...callTo(MESSAGES), headers })).toThrow(
      "The field 'x-api-key' cannot be sent.",
    );
  }
});
