import type { JsonObject } from "../../core/generation.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";

/**
 * Puts the client's tools and its choice among them into Gemini's form. Schemas go as the JSON schemas that they are.
 * @returns whether tools are offered
 * @throws SluiceError `unsupported_parameter` for tools that are not functions
 */
export function shapeTools(draft: RequestDraft): boolean {
  const tools = listOf(draft.get("tools"));
  const declared = tools.map(declarationOf);
  const choice = draft.get("tool_choice");
  draft.remove("tools", "tool_choice");
  if (declared.length === 0) return false;
  const isStrict = tools.some((tool) => objectOf(objectOf(tool)?.function)?.strict === true);
  draft.set("tools", [{ functionDeclarations: declared }]);
  const config = configOf(choice, isStrict, draft.note);
  if (config !== undefined) draft.set("toolConfig", { functionCallingConfig: config });
  return config?.mode !== "NONE";
}

function declarationOf(tool: unknown, at: number): JsonObject {
  const called = isObject(tool) && tool.type === "function" ? objectOf(tool.function) : undefined;
  if (called === undefined) {
    throw unsupported(`tools[${at}]`, "Gemini is given only tools of the type 'function'.");
  }
  const { name, description, parameters } = called;
  return {
    name,
    ...(description === undefined || description === null ? {} : { description }),
    ...(isObject(parameters) && !takesNothing(parameters)
      ? { parametersJsonSchema: { type: "object", ...parameters } }
      : {}),
  };
}

/** A function without arguments is declared without a schema: an object without properties was seen refused. */
const takesNothing = (schema: JsonObject): boolean =>
  Object.keys(objectOf(schema.properties) ?? {}).length === 0 &&
  ["$ref", "anyOf", "oneOf", "allOf"].every((name) => schema[name] === undefined);

interface CallingConfig {
  readonly mode: "AUTO" | "ANY" | "NONE" | "VALIDATED";
  readonly allowedFunctionNames?: readonly string[];
}

/** `ANY` keeps to the schemas by itself; where the model may also speak, `VALIDATED` does. */
function configOf(
  choice: unknown,
  isStrict: boolean,
  note: (part: string) => void,
): CallingConfig | undefined {
  const free = isStrict ? ({ mode: "VALIDATED" } as const) : undefined;
  if (choice === undefined || choice === null) return free;
  if (choice === "auto") return free ?? { mode: "AUTO" };
  if (choice === "none") return { mode: "NONE" };
  if (choice === "required") return { mode: "ANY" };
  const named = textOf(objectOf(objectOf(choice)?.function)?.name);
  if (named !== undefined) return { mode: "ANY", allowedFunctionNames: [named] };
  const allowed = objectOf(objectOf(choice)?.allowed_tools);
  const names = listOf(allowed?.tools).flatMap(
    (tool) => textOf(objectOf(objectOf(tool)?.function)?.name) ?? [],
  );
  if (names.length > 0) {
    return { mode: allowed?.mode === "required" ? "ANY" : "VALIDATED", allowedFunctionNames: names };
  }
  note("tool_choice");
  return free;
}
