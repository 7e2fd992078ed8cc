import type { JsonObject } from "../../../core/generation.ts";
import { asObject, invalid } from "../../../gateway/requests/fields.ts";
import { unsupported } from "./unsupported.ts";

/**
 * Functions in chat's form. Where `tool_choice` allows only some, only those: every vendor understands that.
 * @throws SluiceError `unsupported_parameter` for tools that OpenAI itself would run
 */
export function toolsOf(value: unknown, choice: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  const allowed = allowedIn(choice);
  return value
    .map((tool: unknown, index) => toolOf(asObject(tool, `tools[${index}]`), `tools[${index}]`))
    .filter(({ name }) => allowed === undefined || allowed.has(name))
    .map(({ tool }) => tool);
}

function toolOf(tool: JsonObject, path: string): { readonly name: string; readonly tool: JsonObject } {
  const { type, name, description, parameters, strict } = tool;
  if (type !== "function") {
    throw unsupported(`${path}.type`, `tools of the type '${String(type)}' are not run here, only functions`);
  }
  if (typeof name !== "string" || name === "") throw invalid(`${path}.name`, "must be a non-empty string");
  const schema =
    parameters === undefined || parameters === null ? undefined : asObject(parameters, `${path}.parameters`);
  const called = {
    name,
    ...(typeof description === "string" ? { description } : {}),
    ...(schema === undefined ? {} : { parameters: schema }),
    ...(typeof strict === "boolean" ? { strict } : {}),
  };
  return { name, tool: { type: "function", function: called } };
}

/** `tool_choice` in chat's form; undefined: as the vendor has it when nothing is said. */
export function toolChoiceOf(value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  if (value === "none" || value === "auto" || value === "required") return value;
  if (typeof value === "string") throw invalid("tool_choice", "must be 'none', 'auto' or 'required'");
  const choice = asObject(value, "tool_choice");
  if (choice.type === "allowed_tools") return choice.mode === "required" ? "required" : "auto";
  if (choice.type !== "function") {
    throw unsupported(
      "tool_choice",
      `tools of the type '${String(choice.type)}' are not run here, only functions`,
    );
  }
  if (typeof choice.name !== "string") throw invalid("tool_choice.name", "must be a string");
  return { type: "function", function: { name: choice.name } };
}

function allowedIn(value: unknown): ReadonlySet<string> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const choice = asObject(value, "tool_choice");
  if (choice.type !== "allowed_tools") return undefined;
  if (!Array.isArray(choice.tools)) throw invalid("tool_choice.tools", "must be an array");
  const names = choice.tools.map((tool: unknown, index) => {
    const { type, name } = asObject(tool, `tool_choice.tools[${index}]`);
    if (type !== "function" || typeof name !== "string") {
      throw unsupported(`tool_choice.tools[${index}]`, "only functions can be called here");
    }
    return name;
  });
  return new Set(names);
}
