// The names the dashboard uses for what the API answers. All of them come from openapi.json, by way of
// schema.gen.ts (`npm run types --workspace app`); nothing is described twice.
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Pattern = Schemas["Pattern"];
export type PatternType = Schemas["PatternType"];
export type Severity = Schemas["Severity"];
export type Evidence = Schemas["Evidence"];
export type Moment = Schemas["Moment"];
export type Metrics = Schemas["Metrics"];
export type HistoryMinute = Schemas["HistoryMinute"];
export type Page = Schemas["Page"];
export type ListedUser = Schemas["ListedUser"];
export type User = Schemas["User"];
export type Checkout = NonNullable<Schemas["Checkout"]>;
export type RawEvent = Schemas["Event"];
export type BadEvent = Schemas["BadEvent"];
export type Worker = Schemas["Worker"];
export type Partition = Schemas["Partition"];
export type Ready = Schemas["Ready"];
export type PatternChange = Schemas["PatternChange"];
export type Session = Schemas["Session"];
export type ApiErrorBody = Schemas["Error"];
