import { describe, expect, test } from "bun:test";
import { sampleOf } from "./schema-sample.ts";

describe("a value that fits", () => {
  test.each([
    [{ type: "string" }, "sandbox"],
    [{ type: "string", minLength: 9, maxLength: 10 }, "sandboxxx"],
    [{ type: "string", maxLength: 3 }, "san"],
    [{ type: "string", format: "date" }, "2026-01-01"],
    [{ type: "string", format: "constructor" }, "sandbox"],
    [{ type: "string", pattern: "^[A-Z]{2}$" }, "AB"],
    [{ type: ["null", "string"] }, "sandbox"],
    [{ type: "integer" }, 1],
    [{ type: "integer", minimum: 3 }, 3],
    [{ type: "integer", exclusiveMinimum: 3 }, 4],
    [{ type: "integer", maximum: -2 }, -2],
    [{ type: "integer", minimum: 3, multipleOf: 5 }, 5],
    [{ type: "number", exclusiveMinimum: 1 }, 1.5],
    [{ type: "boolean" }, true],
    [{ type: "null" }, null],
    [{ enum: ["a", "b"] }, "a"],
    [{ const: 7 }, 7],
    [{ default: "d", type: "string" }, "d"],
    [{ anyOf: [{ type: "integer" }, { type: "null" }] }, 1],
    [{ type: "array", items: { type: "integer" } }, [1]],
    [{ type: "array", items: { type: "integer" }, minItems: 2 }, [1, 1]],
    [{ type: "array", maxItems: 0 }, []],
    [{ type: "array", prefixItems: [{ type: "integer" }, { type: "string" }] }, [1, "sandbox"]],
    [{ type: "object" }, {}],
    [
      { properties: { a: { type: "integer" } }, required: ["a", "b"] },
      { a: 1, b: "sandbox" },
    ],
    [{ allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] }, { a: 1, b: 2 }],
    [{ $ref: "#/$defs/x", $defs: { x: { type: "integer" } } }, 1],
    [{}, "sandbox"],
    [undefined, "sandbox"],
  ])("%j", (schema, expected) => {
    expect(sampleOf(schema)).toEqual(expected);
  });

  test("ends for a schema that refers to itself", () => {
    const node = {
      type: "object",
      properties: { next: { $ref: "#" }, value: { type: "integer" } },
      required: ["value"],
    };
    expect(JSON.stringify(sampleOf(node)).length).toBeLessThan(500);
    const endless = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] };
    expect(JSON.stringify(sampleOf(endless)).length).toBeLessThan(500);
    const list = {
      anyOf: [{ $ref: "#/$defs/n" }, { type: "null" }],
      $defs: { n: { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] } },
    };
    expect(JSON.stringify(sampleOf(list)).length).toBeLessThan(500);
  });
});
