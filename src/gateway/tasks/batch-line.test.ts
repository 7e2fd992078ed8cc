import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { requestId, taskId } from "../../core/ids.ts";
import { parseChat } from "../requests/chat.ts";
import { callerOf } from "../testing/fixtures.ts";
import { type LinePorts, runLine } from "./batch-line.ts";

/** What a line of a chat is asked for as. */
async function askedFor(body: JsonObject): Promise<GenerationRequest> {
  let asked: GenerationRequest | undefined;
  const nobody = () => Promise.reject(new Error("no pictures are asked for"));
  const ports: LinePorts = {
    gateway: {
      generate(_, request) {
        asked = request;
        return Promise.reject(new SluiceError("invalid_request", "Enough was seen."));
      },
    },
    picture: nobody,
    pictureBody: nobody,
    errorBody: ({ message }) => ({ message }),
  };
  const { answer } = await runLine(ports, {
    caller: callerOf(),
    base: "http://gateway",
    asked: { url: "/v1/chat/completions", body },
    charge: requestId("req_line"),
    pictureTask: taskId("task_of_line"),
  });
  if (asked === undefined) throw new Error(JSON.stringify(answer.response));
  return asked;
}

const chat = (content: string): JsonObject => ({ model: "m", messages: [{ role: "user", content }] });

test("a line is held for by its bytes, as the same request is by itself", async () => {
  for (const body of [chat("plain words"), chat("你好，世界。".repeat(100))]) {
    const { promptTokens } = parseChat(body, Buffer.byteLength(JSON.stringify(body)));
    expect((await askedFor(body)).promptTokens).toBe(promptTokens);
  }
});

test("a line asks for no tier of the vendor's: it is charged as the batch's, whatever the vendor says", async () => {
  const { body, isBatch } = await askedFor({ ...chat("hi"), service_tier: "priority", seed: 7 });
  expect(body).toEqual({ ...chat("hi"), seed: 7 });
  expect(isBatch).toBe(true);
});
