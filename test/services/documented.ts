/** Holds a real answer against the OpenAPI document that the server gives: status, headers, body. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { WireAnswer } from './wire.ts';

// biome-ignore lint/suspicious/noExplicitAny: the document is looked into freely
type Document = any;

/** Of ours; the others (Date, Vary, CORS …) are of HTTP and need no description. */
const OUR_HEADERS = /^(?:tus-|upload-|chat-|location$|set-cookie$|retry-after$|content-range$|content-disposition$)/;

export type ExpectDocumented = (route: string, answer: WireAnswer) => void;

/** @returns a check that throws what is not as documented; `route` is a verb and a path of the document */
export function createExpectDocumented(document: Document): ExpectDocumented {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'openapi', components: { schemas: document.components.schemas } }, 'openapi', false, false);
  ajv.addVocabulary(['components']);
  return (route, answer) => {
    const described = findAnswer(document, route, answer);
    if (answer.status < 400) checkHeaders(route, described, answer);
    if (answer.body.length === 0) return;
    const ref = contentOf(route, described, answer).schema?.$ref as string | undefined;
    if (ref === undefined) return;
    const validate = ajv.compile({ $ref: `openapi${ref}` });
    if (!validate(JSON.parse(answer.body.toString())))
      throw new Error(`${route}: ${ajv.errorsText(validate.errors)}: ${answer.body.toString()}`);
  };
}

function findAnswer(document: Document, route: string, { status }: WireAnswer): Document {
  const [verb = '', path = ''] = route.split(' ');
  const operation = document.paths[path]?.[verb.toLowerCase()];
  if (operation === undefined) throw new Error(`${route} is not in the document`);
  const found = operation.responses[status] ?? (status >= 400 ? operation.responses.default : undefined);
  if (found === undefined) throw new Error(`${route} answered ${status}, which is not in the document`);
  return found.$ref === undefined ? found : document.components.responses[found.$ref.split('/').at(-1)];
}

/** Those of an error may be any: it is the same answer for every route. */
function checkHeaders(route: string, described: Document, { headers }: WireAnswer): void {
  const names = new Set(Object.keys(described.headers ?? {}).map((name) => name.toLowerCase()));
  const undescribed = Object.keys(headers).filter((name) => OUR_HEADERS.test(name) && !names.has(name));
  if (undescribed.length > 0)
    throw new Error(`${route} answered with headers that are not in the document: ${undescribed.join(', ')}`);
}

function contentOf(route: string, described: Document, { status, headers }: WireAnswer): Document {
  const type = String(headers['content-type']).split(';')[0] ?? '';
  const content = described.content?.[type] ?? described.content?.['*/*'];
  if (content === undefined) throw new Error(`${route} answered ${status} with ${type}, which is not in the document`);
  return content;
}
