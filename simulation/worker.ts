import { runSeeds, type Share } from "./seeds.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<Share>) => {
  void runSeeds(data, (told) => self.postMessage(told)).then(() => self.postMessage({ kind: "over" }));
};
