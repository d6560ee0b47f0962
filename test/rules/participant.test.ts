/** Every access decision, as a table of who asks and what for. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import {
  checkCompany,
  chooseScope,
  chooseSession,
  isScopeId,
  isUploader,
  mayRemove,
  type Participant,
  participantKey,
  seesSession,
  type UploadOwner,
} from '../../server/rules/participant.ts';

const CALLERS = {
  visitor: caller('user', 's'),
  'the same visitor, another device': { ...caller('user', 's'), subject: 'phone' },
  'a visitor of another session': caller('user', 't'),
  'a visitor of another company': { ...caller('user', 's'), company: 'd' },
  'an agent of every session': { ...caller('agent', null), subject: 'ann' },
  'an agent of this session': { ...caller('agent', 's'), subject: 'ann' },
  'an agent of another session': { ...caller('agent', 't'), subject: 'ann' },
  'another agent': { ...caller('agent', null), subject: 'bob' },
  'an agent of another company': { ...caller('agent', null), subject: 'ann', company: 'd' },
} satisfies Record<string, Participant>;
type Who = keyof typeof CALLERS;

const BY_VISITOR: UploadOwner = { company: 'c', session: 's', uploader: 'user', subject: null };
const BY_ANN: UploadOwner = { company: 'c', session: 's', uploader: 'agent', subject: 'ann' };

describe('who sees session s of company c, whose upload it is, who may remove which file', () => {
  const yes = true;
  const no = false;
  test.each<[Who, boolean, boolean, boolean, boolean, boolean]>([
    // sees · visitor’s upload is theirs · ann’s is theirs · may remove the visitor’s file · the agent’s file
    ['visitor', yes, yes, no, yes, no],
    ['the same visitor, another device', yes, yes, no, yes, no],
    ['a visitor of another session', no, no, no, no, no],
    ['a visitor of another company', no, no, no, no, no],
    ['an agent of every session', yes, no, yes, yes, yes],
    ['an agent of this session', yes, no, yes, yes, yes],
    ['an agent of another session', no, no, no, no, no],
    ['another agent', yes, no, no, yes, yes],
    ['an agent of another company', no, no, no, no, no],
  ])('%s', (who, sees, ofVisitor, ofAnn, removesVisitors, removesAgents) => {
    const asking = CALLERS[who];
    const seen = seesSession(asking, 'c', 's');
    expect({
      sees: seen,
      ofVisitor: isUploader(asking, BY_VISITOR),
      ofAnn: isUploader(asking, BY_ANN),
      // Asked only for a file that is visible.
      removesVisitors: seen && mayRemove(asking, { uploader: 'user' }),
      removesAgents: seen && mayRemove(asking, { uploader: 'agent' }),
    }).toEqual({ sees, ofVisitor, ofAnn, removesVisitors, removesAgents });
  });

  test('an upload of another visitor’s session with the same subject is not theirs', () => {
    const phone = CALLERS['the same visitor, another device'];
    expect(isUploader(phone, { ...BY_VISITOR, session: 't', subject: 'phone' })).toBe(false);
  });
});

describe('the session that is worked in', () => {
  test.each<[Who, string | undefined, string]>([
    ['visitor', undefined, 's'],
    ['visitor', 's', 's'],
    ['visitor', 't', 'forbidden'],
    ['an agent of this session', undefined, 's'],
    ['an agent of this session', 't', 'forbidden'],
    ['an agent of every session', 't', 't'],
    ['an agent of every session', undefined, 'invalid-request'],
    ['an agent of every session', '', 'invalid-request'],
    ['an agent of every session', 'a/b', 'invalid-request'],
    ['visitor', '../s', 'invalid-request'],
  ])('%s states %s: %s', (who, session, expected) => {
    expect(outcome(() => chooseSession(CALLERS[who], session === undefined ? {} : { session }))).toBe(expected);
  });

  test.each<[Who, string | undefined, string]>([
    ['visitor', undefined, 'ok'],
    ['visitor', 'c', 'ok'],
    ['visitor', 'd', 'forbidden'],
    ['an agent of every session', 'd', 'forbidden'],
    ['an agent of every session', 'c/', 'invalid-request'],
    ['visitor', '', 'invalid-request'],
  ])('%s states company %s: %s', (who, company, expected) => {
    expect(outcome(() => checkCompany(CALLERS[who], company) ?? 'ok')).toBe(expected);
    const chosen = outcome(() =>
      chooseSession(CALLERS[who], { ...(company === undefined ? {} : { company }), session: 's' }),
    );
    expect(chosen).toBe(expected === 'ok' ? 's' : expected);
  });
});

describe('a session, or the whole company', () => {
  test.each<[Who | 'nobody’s visitor', string | undefined, string | null]>([
    ['an agent of every session', undefined, null],
    ['an agent of every session', 's', 's'],
    ['an agent of every session', '', 'invalid-request'],
    ['an agent of this session', undefined, 's'],
    ['an agent of this session', 't', 'forbidden'],
    ['visitor', undefined, 's'],
    ['visitor', 't', 'forbidden'],
    ['nobody’s visitor', undefined, 'forbidden'],
  ])('%s, session %s: %s', (who, session, expected) => {
    const asking = who === 'nobody’s visitor' ? caller('user', null) : CALLERS[who];
    const stated = session === undefined ? {} : { session };
    expect(outcome(() => chooseScope(asking, stated) ?? 'everything')).toBe(expected ?? 'everything');
    expect(outcome(() => chooseScope(asking, { ...stated, company: 'd' }) ?? 'everything')).toMatch(
      /forbidden|invalid/,
    );
  });
});

describe('the one who is counted', () => {
  test('is a visitor by company and session, an agent by company and subject', () => {
    const keys = Object.fromEntries(Object.entries(CALLERS).map(([who, asking]) => [who, participantKey(asking)]));
    expect(keys).toEqual({
      visitor: 'c/user/s',
      'the same visitor, another device': 'c/user/s',
      'a visitor of another session': 'c/user/t',
      'a visitor of another company': 'd/user/s',
      'an agent of every session': 'c/agent/ann',
      'an agent of this session': 'c/agent/ann',
      'an agent of another session': 'c/agent/ann',
      'another agent': 'c/agent/bob',
      'an agent of another company': 'd/agent/ann',
    });
  });

  test('cannot be made to look like another by a subject', () => {
    const sly = { company: 'c', role: 'agent' as const, session: null, subject: '../user/s' };
    expect(participantKey(sly)).not.toBe(participantKey(CALLERS.visitor));
  });
});

describe('an id of a company or session', () => {
  test.each<[unknown, boolean]>([
    ['a', true],
    ['A-Z_0-9', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['', false],
    ['a b', false],
    ['a/b', false],
    ['a.b', false],
    ['a\n', false],
    ['ä', false],
    ['*', false],
    [7, false],
    [null, false],
    [undefined, false],
    [['a'], false],
  ])('%j: %s', (value, valid) => {
    expect(isScopeId(value)).toBe(valid);
  });
});

function caller(role: 'user' | 'agent', session: string | null): Participant {
  return { company: 'c', role, session, subject: null, expiresAt: Number.MAX_SAFE_INTEGER };
}

/** What came of it, or the code of the Failure. */
function outcome(work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}
