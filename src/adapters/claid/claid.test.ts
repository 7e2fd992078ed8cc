import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { MediaRequest } from "../../core/media.ts";
import { mediaConformance } from "../media-conformance.suite.ts";
import { editRequest, MEDIA_SECRET, pictureRequest } from "../testing/media-fixtures.ts";
import { claid } from "./index.ts";
import { CLAID, claidJob } from "./testing/exchanges.ts";

mediaConformance(claid, CLAID);

const CAT = "https://pictures.test/cat.png";
const wordless = (changes: Partial<MediaRequest> = {}): MediaRequest => {
  const { prompt: _, ...request } = editRequest(changes);
  return request;
};
const targetOf = (model: string) => ({ model, baseUrl: "https://api.claid.ai/v1", secret: MEDIA_SECRET });
function said(request: MediaRequest, model: string) {
  const { url, body, dropped = [] } = claid.submit(request, targetOf(model), "mark");
  return { path: new URL(url).pathname, body: JSON.parse(String(body)) as object, dropped };
}
const refusalOf = (request: MediaRequest, model: string): unknown => {
  try {
    claid.submit(request, targetOf(model), "mark");
  } catch (thrown) {
    return (thrown as { detail?: { param?: string } }).detail?.param;
  }
  return "none";
};

describe("an edit", () => {
  test("of a picture at a URL is told what to do by operations", () => {
    const options = { operations: { restorations: { upscale: "smart_enhance" }, padding: "10%" } };
    const request = wordless({ options, size: { width: 800, height: 600 }, format: "webp", quality: "high" });
    const body = {
      input: CAT,
      operations: { resizing: { width: 800, height: 600, fit: "crop" }, ...options.operations },
      output: { format: "webp" },
    };
    expect(said(request, "edit")).toEqual({ path: "/v1/image/edit", body, dropped: ["quality"] });
    expect(said(request, "edit-async").path).toBe("/v1/image/edit/async");
  });

  test("of a picture itself is an upload, with everything else as text", () => {
    const picture = { kind: "bytes", bytes: Uint8Array.from([1, 2]), contentType: "image/png" } as const;
    const { url, body, headers } = claid.submit(
      wordless({ inputs: [picture] }),
      targetOf("remove-background"),
      "m",
    );
    expect(new URL(url).pathname).toBe("/v1/image/edit/upload");
    expect(headers["content-type"]).toBeUndefined();
    if (!(body instanceof FormData)) throw new Error("no form");
    expect(JSON.parse(String(body.get("data")))).toEqual({
      operations: { background: { remove: true, color: "transparent" } },
      output: { format: "png" },
    });
    expect((body.get("file") as unknown as Blob).size).toBe(2);
  });

  test("that takes a background away can be opaque, and finer than that", () => {
    const options = { operations: { background: { remove: { category: "cars" } } } };
    expect(said(wordless({ options, background: "opaque" }), "remove-background").body).toEqual({
      input: CAT,
      operations: { background: { remove: { category: "cars" }, color: "#ffffff" } },
      output: {},
    });
  });

  test("by words is a job that is told how many pictures there shall be", () => {
    const request = editRequest({
      prompt: "add a duck",
      count: 3,
      size: { width: 1024, height: 1820 },
      format: "png",
    });
    expect(said(request, "ai-edit")).toEqual({
      path: "/v1/image/ai-edit",
      body: {
        input: CAT,
        options: { aspect_ratio: "9:16", prompt: "add a duck" },
        output: { format: "png", number_of_images: 3 },
      },
      dropped: [],
    });
  });
});

test("words alone ask for exactly as many pictures as are wanted", () => {
  const request = pictureRequest({
    options: { options: { guidance_scale: 9 } },
    size: { width: 10, height: 10 },
    seed: 1,
  });
  expect(said(request, "generate")).toEqual({
    path: "/v1/image/generate",
    body: { input: "a cat", options: { guidance_scale: 9, number_of_images: 1 } },
    dropped: ["seed", "size"],
  });
});

test("a scene is made around an object", () => {
  const options = { object: { scale: 0.8 }, scene: { model: "v2" } };
  const request = editRequest({ prompt: "on a table", negativePrompt: "people", options, count: 2 });
  expect(said(request, "scene")).toEqual({
    path: "/v1/scene/create",
    body: {
      object: { scale: 0.8, image_url: CAT },
      scene: { prompt: "on a table", negative_prompt: "people", model: "v2" },
      output: { format: "png", number_of_images: 2 },
    },
    dropped: [],
  });
});

test.each([
  ["generate", pictureRequest({ count: 5 }), "n"],
  ["generate", pictureRequest({ prompt: "ab" }), "prompt"],
  ["generate", editRequest(), "model"],
  ["generate", pictureRequest({ options: { user: "me" } }), "user"],
  ["generate", pictureRequest({ options: { options: { number_of_images: 9 } } }), "options.number_of_images"],
  ["edit", pictureRequest(), "model"],
  ["edit", editRequest(), "prompt"],
  ["edit", wordless({ count: 2 }), "n"],
  ["edit", wordless({ mask: { kind: "url", url: CAT } }), "mask"],
  ["edit", wordless({ options: { output: "storage://theirs/x" } }), "output"],
  ["edit", wordless({ options: { output: { destination: "storage://theirs/x" } } }), "output.destination"],
  [
    "edit",
    wordless({
      options: { operations: { generative: { style_transfer: { style_reference_image: "storage://a/b" } } } },
    }),
    "operations.generative.style_transfer.style_reference_image",
  ],
  ["ai-edit", editRequest({ format: "webp" }), "output_format"],
  ["scene", wordless(), "prompt"],
] as const)("%s refuses %j for %s", (model, request, param) => {
  expect(refusalOf(request, model)).toBe(param);
});

test("jobs fetch their pictures, an edit that answers at once need not", () => {
  const { takes } = claid;
  if (typeof takes !== "function") throw new Error("it depends on the model");
  const request = editRequest();
  expect(["edit", "remove-background", "generate"].map((model) => takes(request, { model }))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(["edit-async", "ai-edit", "scene"].map((model) => takes(request, { model }))).toEqual([
    "url",
    "url",
    "url",
  ]);
});

test("each kind of job is asked about at its own place", () => {
  const urlOf = (jobId: string) => claid.poll?.({ jobId }, targetOf("edit")).url;
  expect(urlOf("ai-edit-17")).toBe("https://api.claid.ai/v1/image/ai-edit/17");
  expect(urlOf("edit-async-17")).toBe("https://api.claid.ai/v1/image/edit/async/17");
});

describe("the account's webhook", () => {
  const done = { result: { output_object: { tmp_url: "https://dl.claid.test/a.png" } } };
  const body = Buffer.from(JSON.stringify(claidJob("DONE", done)));
  const hmac = (encoding: "hex" | "base64", secret = "hook-secret", of: Uint8Array = body) =>
    createHmac("sha256", secret).update(of).digest(encoding);
  const read = (
    signature: string | undefined,
    secret: string | undefined = "hook-secret",
    of: Uint8Array = body,
  ) => {
    const headers = new Headers(signature === undefined ? {} : { "X-Claid-Hmac-SHA256": signature });
    return claid.hook?.read({ headers, body: of, secret });
  };

  test("is believed with a signature in hex or in base64", () => {
    const news = { jobId: "edit-async-1", state: { kind: "done", result: { usage: { images: 1 } } } };
    expect(read(hmac("hex"))).toMatchObject(news);
    expect(read(hmac("base64"))).toMatchObject(news);
  });

  test("is not, with another one, none, or where no secret is configured", () => {
    expect(read(hmac("hex", "other"))).toBeUndefined();
    expect(read(undefined)).toBeUndefined();
    expect(read("")).toBeUndefined();
    expect(
      claid.hook?.read({
        headers: new Headers({ "x-claid-hmac-sha256": hmac("hex", "") }),
        body,
        secret: undefined,
      }),
    ).toBeUndefined();
    expect(read(hmac("hex"), "hook-secret", Buffer.from("{}"))).toBeUndefined();
  });

  test("that cannot be read ends no job, and one about no known kind of job says nothing", () => {
    const odd = Buffer.from(JSON.stringify(claidJob("SLEEPING")));
    expect(read(hmac("hex", "hook-secret", odd), "hook-secret", odd)).toEqual({ jobId: "edit-async-1" });
    const nameless = Buffer.from(JSON.stringify({ data: { id: 1, status: "DONE" } }));
    expect(read(hmac("hex", "hook-secret", nameless), "hook-secret", nameless)).toBeUndefined();
  });
});
