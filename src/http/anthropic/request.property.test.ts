import { expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import { parseMessages } from "./request.ts";

/** A body with everything in it; a seed puts junk in some of its places. */
const WHOLE = {
  model: "m",
  max_tokens: 9,
  system: [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }],
  messages: [
    { role: "user", content: "hi" },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "t", signature: "sluice" },
        { type: "redacted_thinking", data: "sluice.e30=" },
        { type: "text", text: "x" },
        { type: "tool_use", id: "a", name: "f", input: { a: [1] } },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "r" }], is_error: true },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
        { type: "document", title: "t", context: "c", source: { type: "content", content: [] } },
        { type: "search_result", title: "t", source: "s", content: [{ type: "text", text: "x" }] },
      ],
    },
  ],
  tools: [{ name: "f", input_schema: { type: "object" } }],
  tool_choice: { type: "auto", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 2_000 },
  output_config: { effort: "low", format: { type: "json_schema", schema: {} } },
  stop_sequences: ["a"],
  metadata: { user_id: "u" },
  thread: null,
  mcp_servers: [],
};
const JUNK: readonly unknown[] = [
  null,
  undefined,
  0,
  -1,
  1.5,
  "",
  "x",
  "text",
  true,
  [],
  [[]],
  {},
  [null],
  [{}],
];

function spoiled(value: unknown, random: Random, chance: number): unknown {
  if (random.next() < chance) return JUNK[Math.floor(random.next() * JUNK.length)];
  if (Array.isArray(value)) return value.map((item: unknown) => spoiled(item, random, chance));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, spoiled(field, random, chance)]),
  );
}

test("whatever is wrong in a body is refused with the field, and what is left can be sent on", () => {
  const random = seededRandom(20_261);
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const body = spoiled(WHOLE, random, round % 2 === 0 ? 0.01 : 0.08);
    try {
      const { request } = parseMessages(body, 100, null, round % 3 === 0);
      JSON.stringify(request);
      accepted += 1;
    } catch (thrown) {
      if (!(thrown instanceof SluiceError)) throw new Error(`${String(thrown)}: ${JSON.stringify(body)}`);
      expect(["invalid_request", "unsupported_parameter"]).toContain(thrown.code);
      expect(thrown.detail.param ?? "").not.toBe("");
    }
  }
  expect(accepted).toBeGreaterThan(1_000);
});
