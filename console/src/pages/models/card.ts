/** A model card as its pages show it; the API hands cards on as they are written. */
export interface Card {
  summary: string;
  upstream: string;
  notes: string;
  inputs: Tensor[];
  outputs: Tensor[];
  thresholds: Record<string, { value: number; set_on: string }>;
  weights: {
    file: string;
    bytes: number;
    sha256: string;
    importer: string | null;
    files: { name: string; sources: string[] }[];
  };
}

export interface Tensor {
  name: string;
  shape: string;
  meaning: string;
}

type Loose = Readonly<Record<string, unknown>>;

const loose = (value: unknown): Loose => (typeof value === "object" && value !== null ? (value as Loose) : {});
const list = (value: unknown): Loose[] => (Array.isArray(value) ? value.map(loose) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);

const tensor = (one: Loose): Tensor => ({ name: text(one.name), shape: text(one.shape), meaning: text(one.meaning) });

/** Read a card; what is absent is empty. */
export function cardOf(card: Loose): Card {
  const weights = loose(card.weights);
  return {
    summary: text(card.summary),
    upstream: text(card.upstream),
    notes: text(loose(card.licences).notes),
    inputs: list(card.inputs).map(tensor),
    outputs: list(card.outputs).map(tensor),
    thresholds: Object.fromEntries(
      Object.entries(loose(card.thresholds)).map(([name, one]) => {
        const { value, set_on } = loose(one);
        return [name, { value: number(value), set_on: text(set_on) }];
      }),
    ),
    weights: {
      file: text(weights.file),
      bytes: number(weights.bytes),
      sha256: text(weights.sha256),
      importer: text(weights.importer) || null,
      files: list(weights.files).map((file) => ({
        name: text(file.name),
        sources: Array.isArray(file.sources) ? file.sources.map(text) : [],
      })),
    },
  };
}
