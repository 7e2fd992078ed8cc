import { expect, test } from "bun:test";
import { anthropicModels } from "./models.ts";

const models = ["a", "b", "c", "d"].map((id) => ({ id, operations: ["chat"] as const, vendors: [] }));
const page = (query: string) => anthropicModels(models, new URLSearchParams(query), 7);
const idsOf = ({ data }: ReturnType<typeof page>) => (data as { id: string }[]).map(({ id }) => id);

test("all models of a chat are listed, as Anthropic shows them", () => {
  const picture = { id: "p", operations: ["image"] as const, vendors: [] };
  expect(anthropicModels([...models.slice(0, 1), picture], new URLSearchParams(), 7)).toEqual({
    data: [{ type: "model", id: "a", display_name: "a", created_at: "1970-01-01T00:00:07.000Z" }],
    has_more: false,
    first_id: "a",
    last_id: "a",
  });
});

test.each([
  ["limit=2", ["a", "b"], true],
  ["limit=2&after_id=b", ["c", "d"], false],
  ["limit=2&after_id=c", ["d"], false],
  ["limit=2&before_id=d", ["b", "c"], true],
  ["limit=2&before_id=c", ["a", "b"], false],
] as const)("the page %s", (query, ids, hasMore) => {
  const found = page(query);
  expect(idsOf(found)).toEqual([...ids]);
  expect(found).toMatchObject({ has_more: hasMore, first_id: ids[0], last_id: ids.at(-1) });
});

test.each(["limit=0", "limit=1001", "limit=x", "after_id=z", "before_id="])("%s is refused", (query) => {
  expect(() => page(query)).toThrow("Invalid");
});
