/** Holds every event that a test's socket hears against the AsyncAPI document: a recorder that hears another one fails its test. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createAsyncApiDocument } from '../../server/realtime/asyncapi-document.ts';

type Components = {
  messages: Record<string, { payload: { $ref: string } }>;
  schemas: Record<string, object>;
};
export type Heard = { type: string };

/** @returns what is wrong with it by its message in the document; '' if nothing is */
export type FaultOf = (message: string, payload: unknown) => string;

/** `document`: as it was served. */
export function createFaultOf(document: { components: unknown }): FaultOf {
  const { messages, schemas } = document.components as Components;
  const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
  addFormats.default(ajv);
  ajv.addVocabulary(['components']);
  ajv.addSchema({ $id: 'asyncapi', components: { schemas } }, 'asyncapi', false, false);
  const compiled = new Map<string, ValidateFunction>();
  return (message, payload) => {
    const described = messages[message];
    if (described === undefined) return `${message} is not in the document`;
    // Some tests hear tens of thousands.
    const validate = compiled.get(message) ?? ajv.compile({ $ref: `asyncapi${described.payload.$ref}` });
    compiled.set(message, validate);
    return validate(payload) ? '' : `${message}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(payload)}`;
  };
}

let faultOf: FaultOf | undefined;

/** @throws {Error} that names what is not as documented */
export function expectDocumentedEvent(payload: Heard): void {
  faultOf ??= createFaultOf(
    createAsyncApiDocument({ version: '0', publicUrl: 'http://127.0.0.1', tokenInQuery: true }),
  );
  const fault = faultOf(payload.type, payload);
  if (fault !== '') throw new Error(`An event is not as documented: ${fault}`);
}
