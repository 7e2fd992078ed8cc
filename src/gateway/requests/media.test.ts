import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { parseBatch, readJsonLines } from "./batch.ts";
import { parseMedia } from "./media.ts";

const paramOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.detail.param ?? thrown.code;
    throw thrown;
  }
  return undefined;
};
const good = { model: "m", prompt: "a cat" };
const PNG = `data:image/png;base64,${Buffer.from("png").toString("base64")}`;

describe("a request for pictures", () => {
  test("is read into what routing and adapters need; what is the vendor's own stays the vendor's own", () => {
    const body = {
      ...good,
      n: 2,
      size: "640x480",
      quality: "auto",
      background: "transparent",
      output_format: "webp",
      seed: 7,
      negative_prompt: "dogs",
      response_format: "url",
      stream: true,
      user: "u",
      watermark: false,
    };
    expect(parseMedia(body, "image")).toEqual({
      operation: "image",
      model: "m",
      prompt: "a cat",
      negativePrompt: "dogs",
      inputs: [],
      count: 2,
      size: { width: 640, height: 480 },
      background: "transparent",
      format: "webp",
      seed: 7,
      options: { watermark: false },
    });
    expect(parseMedia({ ...good, size: "auto", n: null }, "image")).toMatchObject({ count: 1 });
  });

  test("takes pictures to work from in every form that clients have", () => {
    const url = "https://a.test/x.png";
    const bytes = { kind: "bytes", bytes: Buffer.from("png"), contentType: "image/png" };
    for (const image of [url, [url], { image_url: url }, { image_url: { url } }, [{ url }]]) {
      expect(parseMedia({ ...good, image }, "image_edit").inputs).toEqual([{ kind: "url", url }]);
    }
    const { inputs, mask } = parseMedia({ model: "m", image: [PNG, url], mask: PNG }, "image_edit");
    expect(inputs).toMatchObject([bytes, { kind: "url", url }]);
    expect(mask).toMatchObject(bytes);
    const file = { kind: "bytes", bytes: new Uint8Array(1), contentType: "image/png" } as const;
    expect(parseMedia({ model: "m" }, "image_edit", { images: [file] }).inputs).toEqual([file]);
  });

  test.each([
    [{ prompt: "x" }, "model"],
    [{ model: "m" }, "prompt"],
    [{ ...good, n: 0 }, "n"],
    [{ ...good, n: 11 }, "n"],
    [{ ...good, n: "2" }, "n"],
    [{ ...good, size: "0x5" }, "size"],
    [{ ...good, size: "99999x5" }, "size"],
    [{ ...good, size: [1, 2] }, "size"],
    [{ ...good, background: "plaid" }, "background"],
    [{ ...good, output_format: "gif" }, "output_format"],
    [{ ...good, seed: -1 }, "seed"],
    [{ ...good, prompt: "x".repeat(32_001) }, "prompt"],
    [{ ...good, image: "file:///etc/passwd" }, "image"],
    [{ ...good, image: "data:text/html;base64,aGk=" }, "image"],
    [{ ...good, image: 7 }, "image"],
    [{ ...good, image: Array.from({ length: 17 }, () => PNG) }, "image"],
    [{ ...good, mask: "x" }, "mask"],
  ])("%j is refused, naming the field", (body, param) => {
    expect(paramOf(() => parseMedia(body, "image"))).toBe(param);
  });

  test("has so many of a vendor's own fields as vendors have, and no deeper", () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 1]));
    let deep: unknown = 1;
    for (let level = 0; level < 20; level += 1) deep = { deep };
    expect(Object.keys(parseMedia({ ...good, ...many(1_000) }, "image").options)).toHaveLength(1_000);
    expect(paramOf(() => parseMedia({ ...good, ...many(100_000) }, "image"))).toBe("k1000");
    expect(paramOf(() => parseMedia({ ...good, inner: many(100_000) }, "image"))).toBe("inner");
    expect(paramOf(() => parseMedia({ ...good, deep }, "image"))).toBe("deep");
  });

  test("that is to change a picture must have one", () => {
    expect(paramOf(() => parseMedia(good, "image_edit"))).toBe("image");
  });
});

describe("a batch", () => {
  const line = { custom_id: "a", method: "POST", url: "/v1/embeddings", body: { model: "m" } };

  test("has its lines, for the endpoint that each names or all have", () => {
    const bare = { body: { model: "m" } };
    expect(parseBatch([line, bare], "/v1/completions")).toEqual([
      { customId: "a", url: "/v1/embeddings", body: { model: "m" } },
      { customId: undefined, url: "/v1/completions", body: { model: "m" } },
    ]);
    expect(parseBatch([bare], undefined)[0]?.url).toBe("/v1/chat/completions");
  });

  test.each([
    [[], "requests"],
    [["x"], "requests[0]"],
    [[{ ...line, body: 1 }], "requests[0].body"],
    [[{ ...line, method: "GET" }], "requests[0].method"],
    [[{ ...line, url: "/admin/v1/tenants" }], "requests[0].url"],
    [[{ ...line, body: { stream: true } }], "requests[0].body.stream"],
    [[{ ...line, custom_id: 5 }], "requests[0].custom_id"],
    [[line, line], "requests[1].custom_id"],
  ])("of %j is refused, naming the line", (lines, param) => {
    expect(paramOf(() => parseBatch(lines, undefined))).toBe(param);
  });

  test("comes as JSON lines, of which a broken one is named", () => {
    expect(readJsonLines('{"a":1}\n\n{"b":2}\r\n')).toEqual([{ a: 1 }, { b: 2 }]);
    expect(paramOf(() => readJsonLines('{"a":1}\n{"b":'))).toBe("requests[1]");
  });
});
