import { expect, test } from "bun:test";
import { readHead } from "./answer-head.ts";
import { Exchange } from "./exchange.ts";
import { RequestWriter } from "./request-head.ts";
import { callTo } from "./testing/calls.ts";

test("a request is let go once it is answered: a stream that runs for minutes does not hold its prompt", () => {
  const request = new RequestWriter().write(callTo("http://127.0.0.1:1/v1"));
  const exchange = new Exchange(request, new AbortController().signal, undefined);
  expect(exchange.request).toBe(request);
  exchange.head(readHead("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"));
  expect(exchange.isOver).toBe(false);
  expect(exchange.request).toBeUndefined();
});
