import { describe, expect, test } from "bun:test";
import { SluiceError } from "./errors.ts";
import { scrubFields, scrubText } from "./redaction.ts";

describe("what may be written to a log", () => {
  test.each([
    "adminKey",
    "apiKey",
    "api_key",
    "x-api-key",
    "x-goog-api-key",
    "secret",
    "masterSecret",
    "authorization",
    "Authorization",
    "cookie",
    "password",
    "dbPassword",
    "vendorKey",
    "accessToken",
    "token",
    "ticket",
  ])("a field named %s never shows its value", (name) => {
    expect(scrubFields({ [name]: "hunter2hunter2" })).toEqual({ [name]: "[secret]" });
  });

  test.each(["key", "keyId", "tokens", "inputTokens", "maxOutputTokens", "monkey", "promptTokens"])(
    "a field named %s is not mistaken for a secret or a prompt",
    (name) => {
      expect(scrubFields({ [name]: 7 })).toEqual({ [name]: 7 });
    },
  );

  test.each(["prompt", "messages", "content", "body", "text", "answer"])(
    "a field named %s never shows what people wrote",
    (name) => {
      expect(scrubFields({ [name]: [{ role: "user", content: "my diary" }] })).toEqual({
        [name]: "[content]",
      });
    },
  );

  test("token counts named input and output stay", () => {
    expect(scrubFields({ input: 3, output: 4n })).toEqual({ input: 3, output: "4" });
  });

  test("secrets are found at any depth, in maps and lists", () => {
    const scrubbed = scrubFields({
      vendors: new Map([["a", { keys: [{ id: "1", secret: "abc-def-ghi" }] }]]),
    });
    expect(scrubbed).toEqual({ vendors: { a: { keys: [{ id: "1", secret: "[secret]" }] } } });
  });

  test("keys inside a text are replaced", () => {
    expect(scrubText("Incorrect API key provided: sk-proj-abcdEFGH1234.")).toBe(
      "Incorrect API key provided: sk-***.",
    );
    expect(scrubText("sent Authorization: Bearer abcdef123456, refused")).toBe(
      "sent Authorization: Bearer ***, refused",
    );
    expect(scrubText("cannot reach postgres://sluice:pa55w0rd@db:5432/x")).toBe(
      "cannot reach postgres://***@db:5432/x",
    );
  });

  test("long texts, long lists and deep objects are bounded", () => {
    expect(scrubText("x".repeat(10_000))).toHaveLength(501);
    expect(scrubFields({ list: Array.from({ length: 1_000 }, (_, i) => i) }).list).toHaveLength(50);
    const deep = { a: { a: { a: { a: { a: { a: 1 } } } } } };
    expect(JSON.stringify(scrubFields(deep))).toContain("[deep]");
  });

  test("an object that contains itself is not followed for ever", () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    expect(JSON.stringify(scrubFields(loop))).toContain("[deep]");
  });

  test("an error keeps its name, message, code and cause, and nothing else", () => {
    const cause = Object.assign(new Error("refused for sk-abcdef123456"), { request: { body: "my diary" } });
    const scrubbed = JSON.stringify(
      scrubFields({ error: new SluiceError("overloaded", "Full.", { cause }) }),
    );
    expect(scrubbed).toContain('"code":"overloaded"');
    expect(scrubbed).toContain("refused for sk-***");
    expect(scrubbed).not.toContain("diary");
  });

  test("bytes, dates and amounts become plain values", () => {
    expect(
      scrubFields({ bytes: new Uint8Array(3), at: new Date(0), amount: 12n, absent: undefined }),
    ).toEqual({ bytes: "[3 bytes]", at: "1970-01-01T00:00:00.000Z", amount: "12" });
  });
});
