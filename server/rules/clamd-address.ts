/** Where clamd listens, as Node's `connect` takes it. */
export type ClamdAddress = { host: string; port: number } | { path: string };
