import { expect, test } from "bun:test";
import { requestId } from "../../../core/ids.ts";
import { shownNames, shownText } from "./own-response.ts";
import { parseResponses } from "./request.ts";

const ODD = [null, 5, "a", [], { type: "reasoning", encrypted_content: "sealed" }];

function shown(output: readonly unknown[], include: readonly string[]): unknown {
  const about = {
    requestId: requestId("req_a"),
    createdAt: 1,
    model: "m",
    request: parseResponses({ model: "m", input: "x", include }),
  };
  const response = { id: "resp_vendor", output };
  const text = shownText(about, JSON.stringify(response), response, shownNames(about, true));
  return (JSON.parse(text) as { output: unknown }).output;
}

test("what a vendor calls items and are none go out as they came, beside what is not shown of others", () => {
  expect(shown(ODD, ["reasoning.encrypted_content"])).toEqual(ODD);
  expect(shown(ODD, [])).toEqual([...ODD.slice(0, 4), { type: "reasoning" }]);
  expect(shown(ODD.slice(0, 4), [])).toEqual(ODD.slice(0, 4));
});
