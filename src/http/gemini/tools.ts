import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import { requiredString } from "../anthropic/parts.ts";
import type { Losses } from "../losses.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { unsupported } from "../openai/responses/unsupported.ts";
import { jsonSchemaOf } from "./schema.ts";

/** Tools that Gemini's models know by themselves and the client runs: they cost nothing but their tokens. */
const RUN_BY_CLIENTS = new Set(["computerUse"]);

/** Fields of a function that a chat has no word for. */
const NOT_IN_CHAT = ["response", "responseJsonSchema", "behavior"];

/**
 * Functions and the choice among them, in chat's form. Where only some are allowed, only those are offered: every vendor
 * understands that.
 * @throws SluiceError `unsupported_parameter` for tools that Google runs itself: they are paid by the call, for which no price is known
 */
export function toolFields(body: JsonObject, losses: Losses): JsonObject {
  const tools = listIn(body.tools).flatMap((tool, at) =>
    functionsIn(asObject(tool, `tools[${at}]`), `tools[${at}]`, losses),
  );
  const { allowed, choice } = choiceIn(body.toolConfig, losses);
  const offered = tools.filter(({ name }) => allowed === undefined || allowed.has(name));
  if (offered.length === 0) return {};
  const named = choice === "required" && offered.length === 1 ? offered[0]?.name : undefined;
  return {
    tools: offered.map(({ tool }) => tool),
    ...(choice === undefined ? {} : { tool_choice: choice }),
    ...(named === undefined || allowed === undefined
      ? {}
      : { tool_choice: { type: "function", function: { name: named } } }),
  };
}

interface NamedTool {
  readonly name: string;
  readonly tool: JsonObject;
}

function functionsIn(tool: JsonObject, path: string, losses: Losses): readonly NamedTool[] {
  for (const kind of Object.keys(tool)) {
    if (kind === "functionDeclarations") continue;
    if (!RUN_BY_CLIENTS.has(kind)) {
      throw unsupported(`${path}.${kind.slice(0, 60)}`, "only functions can be called here");
    }
    losses.needOwn(`${path}.${kind}`, "the tool is their own");
  }
  return listIn(tool.functionDeclarations).map((one, at) => {
    const place = `${path}.functionDeclarations[${at}]`;
    return functionOf(asObject(one, place), place, losses);
  });
}

function functionOf(declared: JsonObject, path: string, losses: Losses): NamedTool {
  const name = requiredString(declared.name, `${path}.name`);
  const { description, parameters, parametersJsonSchema } = declared;
  for (const field of NOT_IN_CHAT) {
    if (declared[field] !== undefined) losses.drop(`tools.functionDeclarations.${field}`);
  }
  const schema =
    parametersJsonSchema === undefined
      ? parameters && jsonSchemaOf(asObject(parameters, `${path}.parameters`))
      : asObject(parametersJsonSchema, `${path}.parametersJsonSchema`);
  const called = {
    name,
    ...(typeof description === "string" ? { description } : {}),
    parameters: schema ?? { type: "object", properties: {} },
  };
  return { name, tool: { type: "function", function: called } };
}

interface Choice {
  readonly choice?: "auto" | "required" | "none";
  /** Absent: all. */
  readonly allowed?: ReadonlySet<string>;
}

function choiceIn(value: unknown, losses: Losses): Choice {
  if (value === undefined) return {};
  const config = asObject(value, "toolConfig");
  for (const field of Object.keys(config))
    if (field !== "functionCallingConfig") losses.drop(`toolConfig.${field}`);
  const calling = objectIn(config.functionCallingConfig);
  if (calling === undefined) return {};
  const names = listIn(calling.allowedFunctionNames).filter((name) => typeof name === "string");
  const allowed = names.length === 0 ? {} : { allowed: new Set(names) };
  switch (calling.mode) {
    case undefined:
    case "MODE_UNSPECIFIED":
      return {};
    case "AUTO":
      return { choice: "auto" };
    case "ANY":
      return { choice: "required", ...allowed };
    // Calls that keep to their schemas, or words: other vendors have no such mode but the usual one.
    case "VALIDATED":
      return { choice: "auto", ...allowed };
    case "NONE":
      return { choice: "none" };
    default:
      throw invalid("toolConfig.functionCallingConfig.mode", "must be 'AUTO', 'ANY', 'VALIDATED' or 'NONE'");
  }
}
