/** Short names for what the API says; all of it comes from the generated schema. */
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export type Problem = Schemas["ProblemDetails"];
export type Me = Schemas["Me"];
export type Permission = Schemas["Permission"];
export type Media = Schemas["Media"];
export type Upload = Schemas["Upload"];
export type NewUpload = Schemas["NewUpload"];
export type Analysis = Schemas["Analysis"];
export type NewAnalysis = Schemas["NewAnalysis"];
export type AnalysisOptions = NonNullable<NewAnalysis["options"]>;
export type Document = Schemas["Document"];
export type FrameFindings = Schemas["FrameFindings"];
export type Face = Schemas["Face"];
export type Body = NonNullable<FrameFindings["bodies"]>[number];
export type Hand = Schemas["Hand"];
export type People = Schemas["People"];
export type TextLine = Schemas["TextLine"];
export type FoundObject = Schemas["Object"];
export type Job = Schemas["Job"];
export type SightRecord = Schemas["Record"];
export type Timeline = Schemas["Timeline"];
export type Source = Schemas["MediaSource"];
export type Kind = NonNullable<AnalysisOptions["only"]>[number];
export type RecordKind = SightRecord["kind"];
export type MediaQuery = NonNullable<paths["/api/v1/media"]["get"]["parameters"]["query"]>;
export type RecordQuery = NonNullable<paths["/api/v1/records"]["get"]["parameters"]["query"]>;
export type TimelineQuery = NonNullable<paths["/api/v1/records/timeline"]["get"]["parameters"]["query"]>;

/** Kinds as an analysis names them, in the order in which pages show them. */
export const KINDS: readonly Kind[] = ["faces", "bodies", "hands", "people", "text", "objects"];

/** Kinds as records name them, by the name that an analysis has for them. */
export const RECORD_KIND: Readonly<Record<Kind, RecordKind>> = {
  faces: "face",
  bodies: "body",
  hands: "hand",
  people: "people",
  text: "text",
  objects: "object",
};
