import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import type { Losses } from "../losses.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";
import { contentOf, partsIn, partsOf, requiredString } from "./parts.ts";
import { openThought } from "./sealed-thoughts.ts";

/**
 * The conversation as chat messages: results of tools are messages of their own, before what the user says.
 * @throws SluiceError `invalid_request` naming what cannot be read
 */
export function chatMessages(body: JsonObject, losses: Losses): readonly JsonObject[] {
  const { messages } = body;
  if (messages === undefined || messages === null) throw invalid("messages", "is required");
  if (!Array.isArray(messages)) throw invalid("messages", "must be an array");
  if (messages.length === 0) throw invalid("messages", "must not be empty");
  const chat = messages.flatMap((message: unknown, at) => {
    const path = `messages[${at}]`;
    const { role, content } = asObject(message, path);
    const blocks = blocksOf(content, `${path}.content`);
    if (role === "user") return userMessages(blocks, `${path}.content`, losses);
    if (role === "assistant") return [assistantMessage(blocks, `${path}.content`, losses)];
    throw invalid(`${path}.role`, "must be 'user' or 'assistant'");
  });
  // A chat has no word for an answer that is to go on from here.
  if (chat.at(-1)?.role === "assistant") losses.drop("messages.prefill");
  const system = partsIn(body.system, "system", losses);
  return system.length === 0 ? chat : [{ role: "system", content: contentOf(system) }, ...chat];
}

function blocksOf(content: unknown, path: string): readonly JsonObject[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalid(path, "must be a string or an array of blocks");
  return content.map((block: unknown, at) => asObject(block, `${path}[${at}]`));
}

function userMessages(blocks: readonly JsonObject[], path: string, losses: Losses): readonly JsonObject[] {
  const results: JsonObject[] = [];
  const said: JsonObject[] = [];
  blocks.forEach((block, at) => {
    const place = `${path}[${at}]`;
    if (block.type !== "tool_result") {
      said.push(...partsOf(block, place, losses));
      return;
    }
    const { message, shown } = toolMessage(block, place, losses);
    results.push(message);
    said.push(...shown);
  });
  if (said.length === 0 && results.length > 0) return results;
  return [...results, { role: "user", content: contentOf(said) }];
}

/** A chat's tools answer in words: what they show follows as the user's, with the name of the call. */
function toolMessage(
  block: JsonObject,
  path: string,
  losses: Losses,
): { readonly message: JsonObject; readonly shown: readonly JsonObject[] } {
  const id = requiredString(block.tool_use_id, `${path}.tool_use_id`);
  const parts = partsIn(block.content, `${path}.content`, losses);
  const texts = parts.filter(({ type }) => type === "text");
  const others = parts.filter(({ type }) => type !== "text");
  const text = String(contentOf(texts));
  const content = block.is_error === true ? `Error: ${text}` : text;
  const shown = others.length === 0 ? [] : [{ type: "text", text: `The tool's result of ${id}:` }, ...others];
  return { message: { role: "tool", tool_call_id: id, content }, shown };
}

function assistantMessage(blocks: readonly JsonObject[], path: string, losses: Losses): JsonObject {
  const said: JsonObject[] = [];
  const calls: JsonObject[] = [];
  const thoughts: string[] = [];
  let message: JsonObject = {};
  let ofCalls: JsonObject = {};
  blocks.forEach((block, at) => {
    const place = `${path}[${at}]`;
    switch (block.type) {
      case "thinking":
        thoughts.push(requiredString(block.thinking, `${place}.thinking`));
        return;
      case "redacted_thinking": {
        // One that Anthropic sealed is Anthropic's alone to read.
        const carried = openThought(block.data);
        message = { ...message, ...carried?.message };
        ofCalls = { ...ofCalls, ...carried?.calls };
        return;
      }
      case "tool_use":
        calls.push(toolCall(block, place));
        return;
      default:
        said.push(...partsOf(block, place, losses));
    }
  });
  const reasoning = thoughts.filter((text) => text !== "").join("\n\n");
  return {
    ...message,
    role: "assistant",
    content: said.length === 0 && calls.length > 0 ? null : contentOf(said),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0
      ? {}
      : { tool_calls: calls.map((call) => ({ ...objectIn(ofCalls[String(call.id)]), ...call })) }),
  };
}

function toolCall({ id, name, input }: JsonObject, path: string): JsonObject {
  const called = {
    name: requiredString(name, `${path}.name`),
    arguments: JSON.stringify(asObject(input ?? {}, `${path}.input`)),
  };
  return { id: requiredString(id, `${path}.id`), type: "function", function: called };
}
