import { expect, test } from "bun:test";
import { seededRandom } from "../../../core/random.ts";
import { spliced } from "./spliced-json.ts";

test("other values stand where the old ones stood, and nothing else changes", () => {
  const json = '{ "id" : "resp_1",\n "n":1.0, "deep": {"id": "x"}, "store":false }';
  expect(spliced(json, { id: '"resp_2"', store: "true" })).toBe(
    '{ "id" : "resp_2",\n "n":1.0, "deep": {"id": "x"}, "store":true }',
  );
});

test("what is not there is added", () => {
  expect(spliced('{"id":1}', { id: "2", more: "null" })).toBe('{"id":2,"more":null}');
  expect(spliced("{}", { id: "2" })).toBe('{"id":2}');
  expect(spliced("{ }", { id: "2" })).toBe('{"id":2 }');
});

test("the object inside another is meant where that is said", () => {
  const json = '{"id":"a","response":{"id":"b","output":[{"id":"c"}]},"n":1}';
  expect(spliced(json, { id: '"z"' }, "response")).toBe(
    '{"id":"a","response":{"id":"z","output":[{"id":"c"}]},"n":1}',
  );
  expect(spliced(json, { id: '"z"' }, "nothing")).toBe(json);
});

test("names are what they mean, and texts hold no members", () => {
  expect(spliced('{"\\u0069d":1,"t":"\\\\\\",\\"id\\":2}","id2":3}', { id: "9" })).toBe(
    '{"\\u0069d":9,"t":"\\\\\\",\\"id\\":2}","id2":3}',
  );
});

test("any object is the same but for what was changed", () => {
  const random = seededRandom(11);
  const any = (depth: number): unknown => {
    const kind = Math.floor(random.next() * (depth > 3 ? 5 : 7));
    const list = () => Array.from({ length: Math.floor(random.next() * 4) }, () => any(depth + 1));
    switch (kind) {
      case 0:
        return null;
      case 1:
        return random.next() < 0.5;
      case 2:
        return Math.round(random.next() * 1e6) / 100;
      case 3:
        return '"\\{}[],: é'.slice(Math.floor(random.next() * 10));
      case 4:
        return "";
      case 5:
        return list();
      default:
        return Object.fromEntries(list().map((value, at) => [`${'a"\\,}:'.slice(at)}${at}`, value]));
    }
  };
  for (let round = 0; round < 500; round += 1) {
    const object = { first: any(0), id: any(0), last: any(0) };
    for (const space of [0, 1]) {
      const json = JSON.stringify(object, null, space);
      expect(JSON.parse(spliced(json, { id: '{"new":[1]}' }))).toEqual({ ...object, id: { new: [1] } });
    }
  }
});
