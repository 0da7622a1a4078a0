import { describe, expect, it } from "vitest";
import type { ModelState } from "~/api/models";
import { cardOf } from "./card";
import { choose, figure, needed, webAddress } from "./choose";

const model = (part: Partial<ModelState>): ModelState => ({
  name: "face_mesh",
  title: "MediaPipe Face Mesh",
  task: "faces",
  state: "ready",
  default: true,
  licence_code: "Apache-2.0",
  licence_weights: "Apache-2.0",
  licence_data: "not published",
  ...part,
});
const MODELS = [
  model({}),
  model({ name: "nanodet", title: "NanoDet", task: "objects", state: "missing", summary: "80 classes" }),
  model({ name: "centernet", title: "CenterNet", task: "objects", state: "corrupt", default: false }),
];
const names = (models: readonly ModelState[]) => models.map(({ name }) => name);
const ALL = { task: null, missing: false, words: "" };

describe("choose", () => {
  it.each([
    [{}, ["face_mesh", "nanodet", "centernet"]],
    [{ task: "objects" }, ["nanodet", "centernet"]],
    [{ missing: true }, ["nanodet", "centernet"]],
    [{ words: "CLASSES nano" }, ["nanodet"]],
    [{ words: "mesh", task: "objects" }, []],
  ] as const)("%o", (wish, found) => expect(names(choose(MODELS, { ...ALL, ...wish }))).toEqual(found));
});

it("needs default nets that are neither here nor on their way", () => {
  expect(names(needed(MODELS))).toEqual(["nanodet"]);
  expect(needed([model({ state: "missing", fetching_job_id: "fetch-1" })])).toEqual([]);
});

it("figures keep what the card measured", () => {
  expect(figure(0.251, "en")).toBe("0.251");
  expect(figure(2509, "en")).toBe("2,509");
});

it("opens https addresses and nothing else", () => {
  expect(webAddress("https://github.com/a/b")).toBe("https://github.com/a/b");
  expect(webAddress("javascript:alert(1)")).toBeNull();
  expect(webAddress("MediaPipe 0.10.21, https://x")).toBeNull();
});

describe("cardOf", () => {
  it("reads a card", () => {
    const card = cardOf({
      upstream: "https://x",
      licences: { notes: "ask" },
      inputs: [{ name: "image", shape: "1 x 3", meaning: "RGB" }],
      thresholds: { min_score: { value: 0.3, set_on: "294 pictures" } },
      weights: { file: "a.onnx", bytes: 5, sha256: "ab", files: [{ name: "a", sources: ["pypi:a==1!a"] }] },
    });
    expect(card.notes).toBe("ask");
    expect(card.inputs[0]).toEqual({ name: "image", shape: "1 x 3", meaning: "RGB" });
    expect(card.thresholds.min_score).toEqual({ value: 0.3, set_on: "294 pictures" });
    expect(card.weights).toMatchObject({
      file: "a.onnx",
      importer: null,
      files: [{ name: "a", sources: ["pypi:a==1!a"] }],
    });
  });
  it("takes an empty one", () => {
    expect(cardOf({})).toMatchObject({ summary: "", inputs: [], outputs: [], thresholds: {} });
  });
});
