/**
 * Preloaded into the gateway for the proof that the guard sees a regression: every text that it parses is parsed so many
 * times more.
 */
const { BENCH_GUARD_PLANT: plant } = process.env;
if (plant !== undefined) {
  const times = Number(plant);
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    for (let again = 0; again < times; again += 1) parse(text);
    return parse(text, reviver);
  };
}
