import { describe, expect, test } from "bun:test";
import { readErrorBody, reportOf } from "./error-body.ts";

describe("an error body", () => {
  test.each([
    [
      { error: { message: "m", type: "t", param: "p", code: "c" } },
      { status: 400, message: "m", type: "t", param: "p", code: "c" },
    ],
    [{ error: { message: "m", code: null, param: null } }, { status: 400, message: "m" }],
    [{ error: "words" }, { status: 400, message: "words" }],
    [
      { code: "C", message: "m", request_id: "r" },
      { status: 400, code: "C", message: "m" },
    ],
    [
      { object: "error", message: "m", type: "T", code: 404 },
      { status: 404, message: "m", type: "T" },
    ],
    [
      [{ error: { code: 429, message: "m", status: "RESOURCE_EXHAUSTED" } }],
      { status: 429, message: "m", type: "RESOURCE_EXHAUSTED" },
    ],
    [{ detail: "not found" }, { status: 400, message: "not found" }],
    [{ detail: [{ msg: "x" }] }, { status: 400, message: '[{"msg":"x"}]' }],
    [{ error: {} }, { status: 400, message: "{}" }],
  ])("%j is read", (body, report) => {
    expect(readErrorBody(400, JSON.stringify(body))).toEqual(report);
  });

  test.each([
    ["", "HTTP 502 with an empty body."],
    ["   \n", "HTTP 502 with an empty body."],
    ["<html><title> Bad Gateway </title></html>", "HTTP 502 with an HTML page («Bad Gateway»)."],
    ["<!doctype html><p>x", "HTTP 502 with an HTML page."],
    ["no healthy upstream", "no healthy upstream"],
    ['{"half": ', '{"half":'],
    ["[]", "[]"],
    ["17", "17"],
  ])("%j that is no JSON object says what it is", (body, message) => {
    expect(readErrorBody(502, body)).toEqual({ status: 502, message });
  });

  test("an ordinary chunk tells of no error", () => {
    expect(reportOf(200, { id: "1", choices: [], message: "x" })).toBeUndefined();
    expect(reportOf(200, { id: "1" })).toBeUndefined();
    expect(reportOf(200, null)).toBeUndefined();
  });
});
