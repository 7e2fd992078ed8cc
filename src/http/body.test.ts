import { describe, expect, test } from "bun:test";
import { parseJson, readBody } from "./body.ts";

const post = (body: string | ReadableStream<Uint8Array>, headers: Record<string, string> = {}) =>
  new Request("http://localhost/", { method: "POST", body, headers });

function streamOf(count: number, bytes: number, pulled: { count: number }): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      left -= 1;
      pulled.count += 1;
      controller.enqueue(new Uint8Array(bytes));
    },
  });
}

describe("reading a body", () => {
  test("a body within the limit is read, with and without a length", async () => {
    expect(await readBody(post("abc", { "content-length": "3" }), 3)).toHaveLength(3);
    expect(await readBody(post("abc"), 3)).toHaveLength(3);
    expect(await readBody(post(streamOf(3, 10, { count: 0 })), 30)).toHaveLength(30);
  });

  test("a body that says it is too long is refused unread", async () => {
    const request = post("abc", { "content-length": "4" });
    await expect(readBody(request, 3)).rejects.toMatchObject({ code: "payload_too_large", status: 413 });
    expect(request.bodyUsed).toBe(false);
  });

  test("a body that does not say is refused as soon as it is too long", async () => {
    const pulled = { count: 0 };
    const reading = readBody(post(streamOf(1_000, 10, pulled)), 25);
    await expect(reading).rejects.toThrow("larger than the limit of 25 bytes");
    expect(pulled.count).toBeLessThan(10);
  });

  test("a length that lies does not get more through", async () => {
    const reading = readBody(post("abcdef", { "content-length": "1" }), 3);
    await expect(reading).rejects.toMatchObject({ code: "payload_too_large" });
  });

  test("no body is an empty one", async () => {
    expect(await readBody(new Request("http://localhost/"), 3)).toHaveLength(0);
  });

  test("a chunked body over a real connection cannot exceed the limit", async () => {
    const server = Bun.serve({
      port: 0,
      async fetch(request) {
        const read = await readBody(request, 100).catch((thrown: unknown) => thrown);
        return new Response(read instanceof Uint8Array ? "read" : (read as Error).message);
      },
    });
    const answer = await fetch(server.url, { method: "POST", body: streamOf(20, 10, { count: 0 }) });
    expect(await answer.text()).toContain("larger than the limit of 100 bytes");
    await server.stop(true);
  });
});

describe("reading JSON", () => {
  const parse = (text: string) => parseJson(new TextEncoder().encode(text));

  test("gives what it says", () => {
    expect(parse(' {"a":[1,null]} ')).toEqual({ a: [1, null] });
  });

  test.each([
    ["", "The request's body is empty."],
    ['{"a":', "The request's body is not JSON:"],
    ["{'a':1}", "The request's body is not JSON:"],
    ["hunter2", "The request's body is not JSON: Unexpected identifier (line 1, column 1)."],
    ['{\n"a":hunter2 "b"}', "The request's body is not JSON: Unexpected identifier (line 2, column 5)."],
  ])("%p is refused without a word of it", (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).not.toThrow("hunter2");
  });

  test("bytes that are no text are refused", () => {
    expect(() => parseJson(Uint8Array.of(34, 0xff, 34))).toThrow("not UTF-8");
  });
});
