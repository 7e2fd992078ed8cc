import { expect, test } from "bun:test";
import { joinExpositions } from "./exposition.ts";

const of = (worker: number, more = "") =>
  `# HELP a_total Counts.\n# TYPE a_total counter\na_total{worker="${worker}"} ${worker * 10}\n\n` +
  `# HELP b Shows.\n# TYPE b gauge\nb{worker="${worker}"} 1\n${more}`;

test("samples of one metric stand together, under one head", () => {
  expect(joinExpositions([of(1), of(2)])).toBe(
    `# HELP a_total Counts.\n# TYPE a_total counter\na_total{worker="1"} 10\na_total{worker="2"} 20\n\n` +
      `# HELP b Shows.\n# TYPE b gauge\nb{worker="1"} 1\nb{worker="2"} 1\n`,
  );
});

test("what one process alone has is kept, with all lines of its histogram", () => {
  const histogram = `# HELP h Times.\n# TYPE h histogram\nh_bucket{le="1",worker="2"} 3\nh_sum{worker="2"} 4\nh_count{worker="2"} 3\n`;
  const joined = joinExpositions([of(1), of(2, histogram), ""]);
  expect(joined).toEndWith(`\n${histogram}`);
  expect(joined.match(/# TYPE/g)).toHaveLength(3);
});
