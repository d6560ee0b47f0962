/** How the bucket is reached. */
export type S3Settings = {
  bucket: string;
  region: string;
  /** Undefined: AWS itself. */
  endpoint: string | undefined;
  /** For links that others follow; undefined: `endpoint`. */
  publicEndpoint: string | undefined;
  /** Of AWS itself; an endpoint says it by its scheme. */
  useTls: boolean;
  pathStyle: boolean;
  /** Undefined: the SDK looks for them where AWS puts them (a role of the machine or container, a profile). */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined } | undefined;
};
