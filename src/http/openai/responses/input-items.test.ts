import { expect, test } from "bun:test";
import { itemPage, shownInput } from "./input-items.ts";

const items = shownInput("resp_abc", [
  { type: "message", role: "user", content: "a" },
  { type: "function_call", id: "fc_9", call_id: "c" },
  { type: "message", role: "assistant", content: [{ type: "output_text", text: "b" }] },
]);
const page = (query: string) => itemPage(items, new URLSearchParams(query));
const ids = (query: string) => page(query).data.map(({ id }) => id);

test("each item has an id, and texts are parts", () => {
  expect(items.map(({ id }) => id)).toEqual(["in_abc_0", "fc_9", "in_abc_2"]);
  expect(items[0]).toMatchObject({ content: [{ type: "input_text", text: "a" }] });
});

test("the last comes first unless the first is asked for", () => {
  expect(ids("")).toEqual(["in_abc_2", "fc_9", "in_abc_0"]);
  expect(ids("order=asc")).toEqual(["in_abc_0", "fc_9", "in_abc_2"]);
});

test("a page goes on behind an item and tells whether there is more", () => {
  expect(page("order=asc&limit=2")).toMatchObject({ first_id: "in_abc_0", last_id: "fc_9", has_more: true });
  expect(page("order=asc&limit=2&after=fc_9")).toMatchObject({ first_id: "in_abc_2", has_more: false });
  expect(page("after=in_abc_0")).toEqual({
    object: "list",
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
});

test.each(["limit=0", "limit=101", "limit=x", "order=up", "after=nobody"])("%s is refused", (query) => {
  expect(() => page(query)).toThrow(/Invalid '(limit|order|after)'/);
});
