import { expect, test } from "bun:test";
import { cellsTable } from "./report.ts";

test("types come by their number, rare ones are summed up, and the sum is of all of them", () => {
  const answer = {
    cells: { string: 35.04, Object: 97.4, Timeout: 0.2, Structure: 0.25 },
    bytes: 20_971.6,
    bytesBeside: 2_229,
  };
  const token = { cells: { Object: 1.03, Uint8Array: 2, Structure: -0.001 }, bytes: 776, bytesBeside: 301 };
  expect(
    cellsTable([
      { title: "whole answer", heap: answer },
      { title: "token", heap: token },
    ]),
  ).toBe(`| cells | whole answer | token |
| --- | ---: | ---: |
| Object | 97.4 | 1.03 |
| string | 35.0 | 0 |
| Uint8Array | 0 | 2.00 |
| others | 0.45 | 0 |
| **all** | **132.9** | **3.03** |
| bytes of heap | 20,972 | 776 |
| bytes beside it | 2,229 | 301 |`);
});
