import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import type { Losses } from "../losses.ts";
import { requiredString, shown } from "./parts.ts";
import { unsupported } from "./unsupported.ts";

/** Tools that Anthropic describes and the client runs: they cost nothing but their tokens. */
const RUN_BY_CLIENTS = /^(?:bash|text_editor|computer|memory)_\d{8}$/;

/**
 * Tools and the choice among them, in chat's form.
 * @throws SluiceError `unsupported_parameter` for tools that Anthropic runs itself: they are paid by the call, for which no price is known
 */
export function toolFields(body: JsonObject, losses: Losses): JsonObject {
  const { tools } = body;
  if (tools === undefined || tools === null) return {};
  if (!Array.isArray(tools)) throw invalid("tools", "must be an array");
  const functions = tools.flatMap((tool: unknown, at) =>
    toolOf(asObject(tool, `tools[${at}]`), `tools[${at}]`, losses),
  );
  return functions.length === 0 ? {} : { tools: functions, ...choiceFields(body.tool_choice) };
}

function toolOf(tool: JsonObject, path: string, losses: Losses): readonly JsonObject[] {
  const { type, name, description, input_schema, strict } = tool;
  if (type !== undefined && type !== null && type !== "custom") {
    if (typeof type !== "string" || !RUN_BY_CLIENTS.test(type)) {
      throw unsupported(`${path}.type`, `tools of the type '${shown(type)}' are not run here`);
    }
    losses.needOwn(`${path}.type`, `tools of the type '${type}' are its own`);
    return [];
  }
  if (tool.cache_control !== undefined && tool.cache_control !== null) losses.drop("cache_control");
  const called = {
    name: requiredString(name, `${path}.name`),
    ...(typeof description === "string" ? { description } : {}),
    parameters: asObject(input_schema, `${path}.input_schema`),
    ...(typeof strict === "boolean" ? { strict } : {}),
  };
  return [{ type: "function", function: called }];
}

function choiceFields(value: unknown): JsonObject {
  if (value === undefined || value === null) return {};
  const choice = asObject(value, "tool_choice");
  const alone = choice.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {};
  switch (choice.type) {
    case "auto":
    case "none":
      return { tool_choice: choice.type, ...alone };
    case "any":
      return { tool_choice: "required", ...alone };
    case "tool": {
      const called = { name: requiredString(choice.name, "tool_choice.name") };
      return { tool_choice: { type: "function", function: called }, ...alone };
    }
    default:
      throw invalid("tool_choice.type", "must be 'auto', 'any', 'tool' or 'none'");
  }
}
